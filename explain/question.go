package explain

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Question is a request that is only thought of.
type Question struct {
	// Gateway is the one that it comes to; may be empty where only one serves its host.
	Gateway string
	Method  string
	// URL is what a client would ask for, with scheme and host.
	URL    string
	Header http.Header
	// Source is the client's address; the zero Addr if it is not known.
	Source netip.Addr
	// Canary asks for what becomes of the part of requests that goes to a canary.
	Canary bool
	// Body is nil where nothing is known of it.
	Body []byte
}

// asked is a question as Envoy sees a request.
type asked struct {
	method, host string
	// path is without the query, and normalized; target has both.
	path, query string
	header      http.Header
	canary      bool
	source      netip.Addr
	// secure tells that it comes by TLS, and socket that it asks for a WebSocket.
	secure, socket bool
	// refused is why Envoy does not take the request, empty if it does.
	refused string
}

// upgrades reports whether a client asks for a WebSocket.
func (a *asked) upgrades() bool {
	return a.socket || strings.EqualFold(a.header.Get("Upgrade"), "websocket")
}

func (a *asked) target() string {
	if a.query == "" {
		return a.path
	}
	return a.path + "?" + a.query
}

// read understands a question, or tells what is wrong with it.
func (q *Question) read() (*asked, error) {
	// Only the beginning is read as a URL: of what follows, Envoy takes more than is right.
	whole, _, _ := strings.Cut(q.URL, "#")
	scheme, rest, _ := strings.Cut(whole, "://")
	authority, path := rest, ""
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		authority, path = rest[:at], rest[at:]
	}
	u, err := url.Parse(scheme + "://" + authority)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the URL cannot be read: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ws" && u.Scheme != "wss", u.Host == "":
		return nil, fmt.Errorf("%q is not a URL such as https://api.example.com/pets", q.URL)
	}
	path, query, _ := strings.Cut(path, "?")
	if !httpguts.ValidHeaderFieldName(q.Method) { // methods are tokens, too
		return nil, fmt.Errorf("%q is not a method", q.Method)
	}
	host := u.Hostname()
	header := q.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if own := header.Get("Host"); own != "" {
		host, _, _ = strings.Cut(own, ":")
	}
	for name, values := range header {
		for _, v := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
				return nil, fmt.Errorf("%q is not a header", name)
			}
		}
		// Clients' headers of such names are removed first of all.
		if strings.HasPrefix(strings.ToLower(name), "x-gw-") {
			header.Del(name)
		}
	}
	return &asked{
		method: q.Method, host: strings.ToLower(strings.TrimSuffix(host, ".")), refused: refused(q.Method, path+query), path: normalize(path), query: query,
		header: header, canary: q.Canary, source: q.Source, secure: u.Scheme == "https" || u.Scheme == "wss", socket: strings.HasPrefix(u.Scheme, "ws"),
	}, nil
}

// refused tells why Envoy does not take a method or a target; empty if it does.
func refused(method, target string) string {
	if !slices.Contains(envoyMethods, method) {
		return fmt.Sprintf("Envoy takes no method %s by HTTP/1.1", method)
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f {
			return fmt.Sprintf("Envoy takes no %q in URLs: clients have to write it as %s", c, url.PathEscape(string(c)))
		}
	}
	if strings.Contains(target, "%00") {
		return "Envoy takes no %00 in URLs"
	}
	return ""
}

// normalize takes "." and ".." out of a path, and decodes what needs no encoding, as Envoy's
// normalize_path does. A backslash is a slash; slashes stay as they are.
// See RFC 3986, section 5.2.4.
func normalize(path string) string {
	if path == "" {
		return "/"
	}
	parts := strings.Split(strings.ReplaceAll(path, `\`, "/"), "/")
	var out []string
	for i, part := range parts {
		last := i == len(parts)-1
		switch part = unescaped(part); part {
		case ".":
			if last {
				out = append(out, "")
			}
		case "..":
			if len(out) > 1 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, part)
		}
	}
	if len(out) == 1 {
		return "/" + out[0]
	}
	return strings.Join(out, "/")
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// unescaped decodes letters, digits and the marks that URLs may have anywhere.
func unescaped(part string) string {
	return escape.ReplaceAllStringFunc(part, func(code string) string {
		plain, _ := url.PathUnescape(code) // it is one
		if c := plain[0]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			return plain
		}
		return code
	})
}

// envoyMethods are those that Envoy takes by HTTP/1.1.
var envoyMethods = strings.Fields("ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE MSEARCH NOTIFY OPTIONS " +
	"PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE")
