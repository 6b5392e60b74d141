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
func (x *exchange) readBody() ([]byte, *failure) { return x.readBodyUpTo(maxBodyBytes) }

// readBodyUpTo reads a body of so many bytes at most. What it takes grows with what has
// come, not with what is announced.
func (x *exchange) readBodyUpTo(limit int64) ([]byte, *failure) {
	r := x.request
	switch {
	case r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0:
		return nil, nil
	case r.ContentLength > limit:
		return nil, tooLarge
	}
	return x.readAll(r.Body, r.ContentLength, limit, tooLarge)
}

// readAll reads what is announced to have a length, -1 for an unknown one, and may have
// so many bytes.
func (x *exchange) readAll(from io.Reader, announced, limit int64, over *failure) ([]byte, *failure) {
	// One byte more than there may be tells that there are too many, and is room for the end.
	most := limit + 1
	if announced > 0 {
		most = announced + 1
	}
	var body []byte
	for {
		if len(body) == cap(body) {
			size := min(max(2*int64(cap(body)), firstRead), most)
			if !x.memory.take(x.ctx(), size-int64(cap(body))) {
				return nil, x.noMemory()
			}
			larger := make([]byte, len(body), size)
			copy(larger, body)
			body = larger
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, over
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, gone
		}
	}
}

// firstRead is room for most bodies.
const firstRead = 4 << 10

// noMemory is why memory was not to be had.
func (x *exchange) noMemory() *failure {
	if x.ctx().Err() != nil {
		return gone
	}
	return overloaded
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
