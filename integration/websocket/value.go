package websocket

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// value is where a parameter of a request to a backend comes from.
type value func(*event) string

var valueName = regexp.MustCompile(`^[A-Za-z0-9._$:-]+$`)

// parseValue reads the source of a parameter mapping of a WebSocket API.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-data-mapping.html
func parseValue(text, routeKey string, variables map[string]string) (value, error) {
	if len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'' {
		constant := text[1 : len(text)-1]
		return func(*event) string { return constant }, nil
	}
	if text == "route.request.body" {
		return func(e *event) string { return string(e.body) }, nil
	}
	kind, name := "", ""
	for _, prefix := range []string{"route.request.body.", "route.request.header.", "route.request.querystring.", "context.", "stageVariables."} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			kind, name = prefix, rest
			break
		}
	}
	switch {
	case kind == "":
		return nil, fmt.Errorf("%q is not a mapping expression of a WebSocket API; a literal stands in single quotes", text)
	case !valueName.MatchString(name):
		return nil, fmt.Errorf("%q is not a valid name in the mapping expression %q", name, text)
	}
	switch kind {
	case "route.request.body.":
		path := strings.Split(name, ".")
		return func(e *event) string { return gateway.JSONText(e.body, path) }, nil
	case "stageVariables.":
		constant, ok := variables[name]
		if !ok {
			return nil, fmt.Errorf("the stage has no variable %s", name)
		}
		return func(*event) string { return constant }, nil
	case "context.":
		return contextValue(name)
	}
	if routeKey != gateway.ConnectRoute {
		return nil, fmt.Errorf("%q is only there when a client connects", text)
	}
	if kind == "route.request.header." {
		return func(e *event) string { return e.handshake.header(name) }, nil
	}
	return func(e *event) string { return e.handshake.parameter(name) }, nil
}

// contextValues are the variables of $context.
var contextValues = map[string]value{
	"apiId":              func(e *event) string { return e.about.stage.api },
	"connectedAt":        func(e *event) string { return strconv.FormatInt(e.about.connected.UnixMilli(), 10) },
	"connectionId":       func(e *event) string { return e.about.id },
	"domainName":         func(e *event) string { return e.about.domain },
	"eventType":          func(e *event) string { return string(e.kind) },
	"extendedRequestId":  func(e *event) string { return e.requestID },
	"identity.sourceIp":  func(e *event) string { return e.about.sourceIP },
	"identity.userAgent": func(e *event) string { return e.about.userAgent },
	"messageId":          func(e *event) string { return e.messageID },
	"requestId":          func(e *event) string { return e.requestID },
	"requestTime":        func(e *event) string { return e.now.UTC().Format(lambdaevent.TimeLayout) },
	"requestTimeEpoch":   func(e *event) string { return strconv.FormatInt(e.now.UnixMilli(), 10) },
	"routeKey":           func(e *event) string { return e.routeKey },
	"stage":              func(e *event) string { return e.about.stage.stage },
	"disconnectStatusCode": func(e *event) string {
		if e.ending == nil {
			return ""
		}
		return strconv.Itoa(int(e.ending.code))
	},
	"disconnectReason": func(e *event) string {
		if e.ending == nil {
			return ""
		}
		return e.ending.reason
	},
}

func contextValue(name string) (value, error) {
	if known := contextValues[name]; known != nil {
		return known, nil
	}
	key, ok := strings.CutPrefix(name, "authorizer.")
	if !ok {
		return nil, fmt.Errorf("WebSocket APIs have no variable $context.%s", name)
	}
	return func(e *event) string {
		// Keys may have dots in them: an authorizer's context is flat.
		var members map[string]json.RawMessage
		if json.Unmarshal(e.about.authorizer, &members) != nil {
			return ""
		}
		return gateway.JSONText(members[key], nil)
	}, nil
}
