package websocket

import (
	"encoding/json"
	"time"

	"gatehouse/internal/lambdaevent"
	"gatehouse/telemetry/socket"
)

// eventType is what has happened on a connection.
type eventType string

const (
	eventConnect    eventType = "CONNECT"
	eventMessage    eventType = "MESSAGE"
	eventDisconnect eventType = "DISCONNECT"
)

// event is what an integration is called about.
type event struct {
	kind      eventType
	routeKey  string
	stage     *stage
	about     *about
	requestID string
	// messageID and body are those of a message.
	messageID string
	body      []byte
	now       time.Time
	// handshake is what a client asked for that connects.
	handshake *handshake
	// ending is how the connection ended that is no more.
	ending *ending
	// told is what is told of the event, nil where nobody wants to know.
	told *socket.Event
}

// lambdaEvent is what a function of a proxy integration is called with. The order of the
// members is Amazon's.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-integrations.html
type lambdaEvent struct {
	Headers        map[string]string   `json:"headers,omitempty"`
	MultiHeaders   map[string][]string `json:"multiValueHeaders,omitempty"`
	Query          map[string]string   `json:"queryStringParameters,omitempty"`
	MultiQuery     map[string][]string `json:"multiValueQueryStringParameters,omitempty"`
	StageVariables map[string]string   `json:"stageVariables,omitempty"`
	Context        lambdaContext       `json:"requestContext"`
	Body           *string             `json:"body,omitempty"`
	IsBase64       bool                `json:"isBase64Encoded"`
}

type lambdaContext struct {
	RouteKey          string          `json:"routeKey"`
	DisconnectStatus  *int            `json:"disconnectStatusCode,omitempty"`
	MessageID         string          `json:"messageId,omitempty"`
	Authorizer        json.RawMessage `json:"authorizer,omitempty"`
	EventType         eventType       `json:"eventType"`
	ExtendedRequestID string          `json:"extendedRequestId"`
	RequestTime       string          `json:"requestTime"`
	Direction         string          `json:"messageDirection"`
	DisconnectReason  *string         `json:"disconnectReason,omitempty"`
	Stage             string          `json:"stage"`
	ConnectedAt       int64           `json:"connectedAt"`
	RequestTimeEpoch  int64           `json:"requestTimeEpoch"`
	Identity          lambdaIdentity  `json:"identity"`
	RequestID         string          `json:"requestId"`
	DomainName        string          `json:"domainName"`
	ConnectionID      string          `json:"connectionId"`
	APIID             string          `json:"apiId"`
}

type lambdaIdentity struct {
	APIKey    string `json:"apiKey,omitempty"`
	APIKeyID  string `json:"apiKeyId,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	AccessKey string `json:"accessKey,omitempty"`
	Caller    string `json:"caller,omitempty"`
	User      string `json:"user,omitempty"`
	UserARN   string `json:"userArn,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
	SourceIP  string `json:"sourceIp"`
}

// identity is who connected.
func (a *about) identity() lambdaIdentity {
	return lambdaIdentity{
		UserAgent: a.userAgent, SourceIP: a.sourceIP, APIKey: a.apiKey.Reveal(), APIKeyID: a.apiKeyID,
		AccountID: a.caller["accountId"], AccessKey: a.caller["accessKey"], Caller: a.caller["caller"], User: a.caller["user"], UserARN: a.caller["userArn"],
	}
}

// lambda is the event for a function.
func (e *event) lambda() ([]byte, error) {
	out := lambdaEvent{
		StageVariables: e.stage.variables,
		Context: lambdaContext{
			RouteKey: e.routeKey, MessageID: e.messageID, EventType: e.kind,
			ExtendedRequestID: e.requestID, RequestID: e.requestID,
			RequestTime: e.now.UTC().Format(lambdaevent.TimeLayout), RequestTimeEpoch: e.now.UnixMilli(),
			Direction: "IN", Stage: e.about.stage.stage, ConnectedAt: e.about.connected.UnixMilli(),
			Identity:   e.about.identity(),
			DomainName: e.about.domain, ConnectionID: e.about.id, APIID: e.about.stage.api,
			Authorizer: e.about.authorizer,
		},
	}
	switch e.kind {
	case eventConnect:
		out.Headers, out.MultiHeaders = lastAndAll(e.handshake.shownHeaders())
		out.Query, out.MultiQuery = lastAndAll(e.handshake.query)
	case eventDisconnect:
		code, reason := int(e.ending.code), e.ending.reason
		out.Context.DisconnectStatus, out.Context.DisconnectReason = &code, &reason
		// There is no request any more. Amazon shows these four, all but one empty.
		out.Headers, out.MultiHeaders = lastAndAll([]field{{"Host", e.about.domain}, {"x-api-key", ""}, {"X-Forwarded-For", ""}, {"x-restapi", ""}})
	case eventMessage:
		text := string(e.body)
		out.Body = &text
	}
	return lambdaevent.Marshal(out)
}

// lastAndAll are the last value of each name, and all of them; nil for nothing.
func lastAndAll(fields []field) (map[string]string, map[string][]string) {
	if len(fields) == 0 {
		return nil, nil
	}
	last, all := make(map[string]string, len(fields)), make(map[string][]string, len(fields))
	for _, f := range fields {
		last[f.name] = f.value
		all[f.name] = append(all[f.name], f.value)
	}
	return last, all
}
