package integration

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
)

// maxBodyBytes is Amazon's bound on payloads. Envoy refuses larger ones, unless the stage
// says otherwise; what is held in memory has the bound in any case.
const maxBodyBytes = 10 << 20

// readBody reads the request's body.
func (x *exchange) readBody() ([]byte, *failure) {
	r := x.request
	switch {
	case r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0:
		return nil, nil
	case r.ContentLength > maxBodyBytes:
		return nil, tooLarge
	case r.ContentLength > 0:
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, gone
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBodyBytes+1))
	switch {
	case len(body) > maxBodyBytes:
		return nil, tooLarge
	case err != nil:
		return nil, gone
	}
	return body, nil
}

// bodyIsBinary reports whether functions get the body in base64. REST APIs say which
// media types are bytes; an HTTP API takes few for text.
func (x *exchange) bodyIsBinary() bool {
	contentType := mediaType(x.header("Content-Type"))
	if x.route.stage.rest() {
		return x.route.stage.binary.has(contentType)
	}
	if x.header("Content-Encoding") != "" {
		return true
	}
	switch contentType {
	case "application/json", "application/javascript", "application/xml":
		return false
	}
	return !strings.HasPrefix(contentType, "text/")
}

// body writes an event's body, in base64 if it is binary.
func (j *jsonText) body(body []byte, binary bool) {
	j.name("body")
	if !binary {
		j.b = appendQuoted(j.b, body)
		return
	}
	j.b = append(j.b, '"')
	j.b = base64.StdEncoding.AppendEncode(j.b, body)
	j.b = append(j.b, '"')
}
