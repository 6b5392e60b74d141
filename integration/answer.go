package integration

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"gatehouse/internal/wire"
)

// answer is what a function's result says.
type answer struct {
	status int
	header http.Header
	body   []byte
	base64 bool
}

// answer gives a function's answer to the client.
func (x *exchange) answer(a *answer, trace string) {
	rest := x.route.stage.rest()
	body := a.body
	if a.base64 && (!rest || x.acceptsBytes()) {
		var err error
		if body, err = decodeBase64(body); err != nil {
			x.fail(badEncoding, "the function says that its body is base64, and it is not")
			return
		}
	}
	x.answerHeader(a, trace, len(body) > 0)
	x.write(a.status, body)
}

// answerHeader sets the headers of an answer, with a body or without.
func (x *exchange) answerHeader(a *answer, trace string, hasBody bool) {
	rest := x.route.stage.rest()
	header := x.w.Header()
	for name, values := range a.header {
		if rest {
			name = remapped(name)
		} else if droppedOfHTTP[name] {
			continue
		}
		if name != "" {
			header[name] = append(header[name], values...)
		}
	}
	if header["Content-Type"] == nil && (hasBody || rest) {
		header.Set("Content-Type", "application/json")
		if !rest {
			header.Set("Content-Type", "text/plain;charset=utf-8")
		}
	}
	if rest {
		header.Set("X-Amzn-Trace-Id", trace)
	}
}

// acceptsBytes reports whether the client wants bytes, not text: a REST API goes by the
// first entry of its Accept header.
func (x *exchange) acceptsBytes() bool {
	return x.route.stage.binary.has(mediaType(x.header("Accept")))
}

func decodeBase64(text []byte) ([]byte, error) {
	bytes := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(bytes, text)
	return bytes[:n], err
}

// droppedOfREST are headers that the answer of a REST API's function cannot have; those
// that are the gateway's own are kept under another name.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
var (
	droppedOfREST = names("expect", "host", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "via")
	remappedNames = names("authorization", "connection", "content-length", "content-md5", "date", "max-forwards", "server", "user-agent", "www-authenticate")
	// droppedOfHTTP are those of HTTP APIs' functions: Envoy and HTTP/2 make their own.
	droppedOfHTTP = names("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)

func names(list ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range list {
		set[http.CanonicalHeaderKey(name)] = true
	}
	return set
}

// remapped is the name under which the client gets a header, "" for not at all.
func remapped(name string) string {
	switch {
	case droppedOfREST[name]:
		return ""
	case remappedNames[name]:
		return "X-Amzn-Remapped-" + name
	}
	return name
}

// add adds a header of the function's. The gateway's own cannot be among them.
func (a *answer) add(name string, values ...string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return errors.New("the result has a header whose name cannot be one")
	}
	canonical := http.CanonicalHeaderKey(name)
	if hasInternalPrefix(name) {
		return nil
	}
	for _, value := range values {
		if !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("the result's header %s has a value that cannot be one", canonical)
		}
		a.header[canonical] = append(a.header[canonical], value)
	}
	return nil
}

func hasInternalPrefix(name string) bool {
	return len(name) >= len(wire.InternalHeaderPrefix) && strings.EqualFold(name[:len(wire.InternalHeaderPrefix)], wire.InternalHeaderPrefix)
}
