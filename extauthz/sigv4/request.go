package sigv4

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
)

// Request is what a signature is about, as the client sent it, before anything was
// decoded, normalised, rewritten or added.
type Request struct {
	Method string
	// Path is the path with its escapes, from the request line or :path.
	Path string
	// Query is what follows the first '?', with its escapes.
	Query string
	// Host is the Host header or :authority, with the port if it was sent.
	Host string
	// Headers are all others. Names may be in any case; several values of a name may
	// be several fields, or one that has them joined by commas. Pseudo-headers are
	// passed over.
	Headers []Header
	// Body is what is known of the body; the zero value says that it is not at hand.
	Body Body
}

// Header is a header field.
type Header struct{ Name, Value string }

// Body is what is known of a request's body.
type Body struct {
	known bool
	hash  [sha256.Size]byte
}

// BodyBytes is a body that is at hand; nil is for a request without one.
func BodyBytes(body []byte) Body { return BodyHash(sha256.Sum256(body)) }

// BodyHash is a body of which the SHA-256 is at hand.
func BodyHash(hash [sha256.Size]byte) Body { return Body{known: true, hash: hash} }

// FromHTTP takes the request's line and headers. The body is not read.
func FromHTTP(r *http.Request) Request {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		// The absolute form, the * of OPTIONS, or a request that was not received.
		target = r.URL.EscapedPath()
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
	}
	path, query, _ := strings.Cut(target, "?")
	request := Request{Method: r.Method, Path: path, Query: query, Host: r.Host}
	for name, values := range r.Header {
		for _, value := range values {
			request.Headers = append(request.Headers, Header{name, value})
		}
	}
	return request
}

// Bounds on what is looked at. They are beyond what honest clients send: SDKs'
// session tokens are below 4 KiB, and AWS takes requests with 10 KiB of headers.
const (
	maxTarget        = 64 << 10
	maxAuthorization = 16 << 10
	maxFields        = 1000
	maxHeaderBytes   = 256 << 10
	maxSignedHeaders = 200
	maxParameters    = 2000
)

// fields are the request's headers by name: names in lower case, sorted, several
// values of a name in the order they came in, Host among them.
type fields []Header

func sortedFields(r *Request) (fields, *Error) {
	if len(r.Headers) > maxFields {
		return nil, incomplete("The request has more than %d headers.", maxFields).as(TooLarge)
	}
	all := make(fields, 1, len(r.Headers)+1)
	all[0] = Header{"host", r.Host}
	size := len(r.Host)
	for _, field := range r.Headers {
		name := strings.ToLower(field.Name)
		if name == "host" || strings.HasPrefix(name, ":") {
			continue
		}
		size += len(name) + len(field.Value)
		all = append(all, Header{name, field.Value})
	}
	if size > maxHeaderBytes {
		return nil, tooLarge("request's headers together", maxHeaderBytes)
	}
	slices.SortStableFunc(all, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// of are the fields of a name.
func (f fields) of(name string) fields {
	at, _ := slices.BinarySearchFunc(f, name, func(h Header, name string) int { return strings.Compare(h.Name, name) })
	end := at
	for end < len(f) && f[end].Name == name {
		end++
	}
	return f[at:end]
}

// one is the value of a header that must not be there twice.
func (f fields) one(name string) (value string, present bool, err *Error) {
	values := f.of(name)
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
		return strings.Trim(values[0].Value, " \t"), true, nil
	}
	return "", false, incomplete("The request has more than one '%s' header.", name)
}

func hasControl(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return true
		}
	}
	return false
}
