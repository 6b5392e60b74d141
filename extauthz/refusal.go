package extauthz

import (
	"strconv"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// refusal is why a request does not go on, and what its client reads.
type refusal struct {
	code Code
	// response is the gateway response of REST APIs; HTTP APIs have a fixed body for
	// each status.
	response gateway.ResponseType
	// message takes the place of the response's own, errorType that of its exception.
	message, errorType string
	// detail explains to clients what is wrong with their body, where the API wants that.
	detail string
	// reason is for the log: what the client does not get to read.
	reason string
	// functionRequest is the id of the call of an authorizer's function that failed.
	functionRequest string
	// challenge is the WWW-Authenticate header that clients of HTTP APIs get.
	challenge string
	// status is for what no gateway response stands for.
	status int
}

func refuse(code Code, response gateway.ResponseType) *refusal {
	return &refusal{code: code, response: response}
}

// unauthorized and forbidden are the answers of most evaluators.
func unauthorized(code Code) *refusal { return refuse(code, gateway.Unauthorized) }

func (r *refusal) saying(message string) *refusal {
	r.message = message
	return r
}

func (r *refusal) because(reason string) *refusal {
	r.reason = reason
	return r
}

// reply is a refusal as it is answered.
type reply struct {
	status             int
	errorType, message string
	body               string
}

// reply gives the refusal the form of the API's kind.
func (r *refusal) reply(protocol gateway.Protocol) reply {
	builtin := gateway.ResponseDefaults[r.response]
	if r.status != 0 {
		builtin = gateway.ResponseDefault{Status: r.status, Message: gateway.HTTPMessage(r.status)}
	}
	if protocol == gateway.HTTP {
		message := gateway.HTTPMessage(builtin.Status)
		return reply{status: builtin.Status, message: message, body: messageBody("message", message)}
	}
	out := reply{status: builtin.Status, errorType: builtin.ErrorType, message: builtin.Message}
	if r.message != "" {
		out.message = r.message
	}
	if r.errorType != "" {
		out.errorType = r.errorType
	}
	out.body = messageBody(r.response.MessageKey(), out.message)
	return out
}

func messageBody(key, message string) string {
	if message == "" {
		return `{"` + key + `":null}`
	}
	return `{"` + key + `":` + jsonText(message) + `}`
}

// jsonText quotes text for JSON. What is refused often repeats a path, which may have
// any character in it.
func jsonText(text string) string {
	out, err := lambdaevent.Marshal(text)
	if err != nil { // Text always marshals.
		return strconv.QuoteToASCII(text)
	}
	return string(out)
}
