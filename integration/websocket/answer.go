package websocket

import (
	"encoding/json"
	"strconv"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// part is what a selection expression refers to in an answer.
func (a *answer) part(p gateway.SelectionPart) string {
	switch p.Source {
	case gateway.SelectResponseStatus:
		return strconv.Itoa(a.status)
	case gateway.SelectResponseHeader:
		return a.header.Get(p.Name)
	case gateway.SelectResponseBody:
		return gateway.JSONText(a.body, p.Path)
	}
	return ""
}

func isJSON(text []byte) bool { return json.Valid(text) }

// errorFrame is what a client is sent of a message that could not be worked off.
type errorFrame struct {
	Message      string `json:"message"`
	ConnectionID string `json:"connectionId,omitempty"`
	RequestID    string `json:"requestId,omitempty"`
}

func errorText(message, connection, request string) []byte {
	text, err := lambdaevent.Marshal(errorFrame{message, connection, request})
	if err != nil {
		return []byte(`{"message":"` + messageInternal + `"}`) // there is no such text
	}
	return text
}
