package explain

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
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
	// refused is why Envoy does not take the URL, empty if it does.
	refused string
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
		method: q.Method, host: strings.ToLower(strings.TrimSuffix(host, ".")), refused: refusedPath(path + query), path: normalize(path), query: query,
		header: header, canary: q.Canary, source: q.Source,
	}, nil
}

// refusedPath tells why Envoy does not take a target; empty if it does.
func refusedPath(target string) string {
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

// normalize takes "." and ".." out of a path, as Envoy's normalize_path does. Slashes stay as
// they are.
// See RFC 3986, section 5.2.4.
func normalize(path string) string {
	if path == "" {
		return "/"
	}
	parts := strings.Split(path, "/")
	var out []string
	for i, part := range parts {
		last := i == len(parts)-1
		switch strings.ReplaceAll(strings.ToLower(part), "%2e", ".") {
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
