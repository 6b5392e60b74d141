package integration

import (
	"encoding/base64"
	"encoding/json"
)

// What becomes of bodies that are bytes, and of those that are to become bytes.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html

const (
	toText   = "CONVERT_TO_TEXT"
	toBinary = "CONVERT_TO_BINARY"
)

// convertRequest gives the body for the integration, and whether it is bytes, of a body
// whose media type is binary or not.
func convertRequest(body []byte, binary bool, handling string) (converted []byte, isBytes bool, err error) {
	switch {
	case binary && handling == toText:
		return encodeBase64(body), false, nil
	case binary:
		return body, true, nil
	case handling == toBinary && len(body) > 0:
		body, err = decodeBase64(body)
		return body, true, err
	}
	return body, false, nil
}

// textOfResponse is what a response template sees: bytes that are to become text are in
// base64 by then. It is false for what stays bytes.
func (m *mapping) textOfResponse(handling string) (text []byte, isText bool) {
	in := m.in
	switch {
	case in.json || !m.route.stage.binary.has(mediaType(in.header.Get("Content-Type"))):
		return in.body, true
	case handling == toText, handling == "" && !m.acceptsBytes():
		return encodeBase64(in.body), true
	}
	return in.body, false
}

// convertResponse makes of a response that is text what the client gets.
func (m *mapping) convertResponse(text []byte, handling string) ([]byte, error) {
	contentType := m.in.header.Get("Content-Type")
	if m.in.json {
		contentType = jsonType
	}
	binary := m.route.stage.binary.has(mediaType(contentType))
	wanted := handling == toBinary
	if m.in.json {
		wanted = wanted || handling == "" && !binary && m.acceptsBytes()
	} else {
		// Bytes that are to become text are base64 already, and stay it.
		wanted = !binary && (wanted || handling == "" && m.acceptsBytes())
	}
	if !wanted {
		return text, nil
	}
	// Functions return text as JSON.
	var quoted string
	if len(text) > 1 && text[0] == '"' && json.Unmarshal(text, &quoted) == nil {
		text = []byte(quoted)
	}
	return decodeBase64(text)
}

func encodeBase64(body []byte) []byte {
	return base64.StdEncoding.AppendEncode(make([]byte, 0, base64.StdEncoding.EncodedLen(len(body))), body)
}
