package lambdaevent

import (
	"crypto/sha256"
	"slices"
	"strings"

	"gatehouse/internal/wire"
)

// TimeLayout is how requestTime is written.
const TimeLayout = "02/Jan/2006:15:04:05 -0700"

// hidden headers are not shown to functions: those that Amazon drops when it reads a
// request, and the request id, which is Envoy's.
var hidden = []string{
	"connection", "content-length", "content-md5", "expect", "max-forwards", "proxy-authenticate", "server", "te",
	"transfer-encoding", "trailer", "upgrade", "www-authenticate", "x-request-id",
}

// Hidden reports whether functions are not shown a header. Its name is in lower case.
func Hidden(name string) bool {
	return slices.Contains(hidden, name) || strings.HasPrefix(name, "x-envoy-") || strings.HasPrefix(name, wire.InternalHeaderPrefix)
}

// spelling is how the headers that clients of HTTP/1.1 usually send are written. Envoy
// knows headers in lower case only, and functions written for REST APIs ask for
// headers.Authorization.
var spelling = map[string]string{
	"accept": "Accept", "accept-encoding": "Accept-Encoding", "accept-language": "Accept-Language",
	"authorization": "Authorization", "cache-control": "Cache-Control", "content-encoding": "Content-Encoding",
	"content-type": "Content-Type", "cookie": "Cookie", "host": "Host", "if-match": "If-Match",
	"if-modified-since": "If-Modified-Since", "if-none-match": "If-None-Match", "origin": "Origin",
	"pragma": "Pragma", "range": "Range", "referer": "Referer", "user-agent": "User-Agent", "via": "Via",
	"x-amzn-trace-id": "X-Amzn-Trace-Id", "x-forwarded-for": "X-Forwarded-For",
	"sec-websocket-extensions": "Sec-WebSocket-Extensions", "sec-websocket-key": "Sec-WebSocket-Key",
	"sec-websocket-protocol": "Sec-WebSocket-Protocol", "sec-websocket-version": "Sec-WebSocket-Version",
	"x-forwarded-port": "X-Forwarded-Port", "x-forwarded-proto": "X-Forwarded-Proto",
}

// Spelled is a header's name, given in lower case, as functions of REST APIs are shown it.
func Spelled(name string) string {
	if known, ok := spelling[name]; ok {
		return known
	}
	return name
}

// ResourceID is the id of a path of a REST API: six characters like Amazon's, the same
// for the same path.
func ResourceID(path string) string {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	sum := sha256.Sum256([]byte(path))
	id := make([]byte, 6)
	for i := range id {
		id[i] = digits[sum[i]%32]
	}
	return string(id)
}
