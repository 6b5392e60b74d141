package amazon

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Request makes one of a service, yet unsigned, that has the path as it is, where net/url
// would encode it anew.
func (s *Service) Request(ctx context.Context, method, path, query string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.Base+"/", bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the request of the service cannot be made: its method or its address is not valid")
	}
	raw := strings.TrimSuffix(request.URL.EscapedPath(), "/") + path
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return nil, errors.New("the path of the service is not well encoded")
	}
	request.URL.Path, request.URL.RawPath, request.URL.RawQuery = decoded, raw, query
	if request.URL.EscapedPath() != raw {
		return nil, errors.New("the path of the service has characters that a path cannot have")
	}
	if s.Host != "" {
		request.Host = s.Host
	}
	return request, nil
}

// ObjectPath writes a path as S3 has it in mind when it checks signatures: all encoded that
// need not stand as it is, but for slashes.
func ObjectPath(path string) (string, error) {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return "", errors.New("the path of the object is not well encoded")
	}
	if HasDots(decoded) {
		return "", errors.New("the path of the object would have . or .. in it")
	}
	return EncodePath(decoded), nil
}

// Encode encodes all but what is not reserved (RFC 3986, section 2.3).
func Encode(text string) string { return encode(text, false) }

// EncodePath leaves slashes as they are.
func EncodePath(text string) string { return encode(text, true) }

func encode(text string, slashes bool) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~', slashes && c == '/':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

// HasDots reports segments that would lead out of the path that is meant.
func HasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
