package translator

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// An endpointURI is a parsed HTTP integration URI, stage variables resolved. Path
// and query may hold {placeholders}; the authority may not.
type endpointURI struct {
	scheme string
	// authority is host[:port] as written, the Host header of the backend.
	authority string
	host      string
	port      uint32
	// path begins with a slash, or is empty when the URI has none.
	path  string
	query string
	// private: it named a load balancer or a service, which says neither host nor path.
	private bool
}

// parseURI reads an HTTP integration URI.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/setup-http-integrations.html
func parseURI(text string) (*endpointURI, error) {
	u := &endpointURI{}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("the integration URI %q has a space or a control character in it; write it percent-encoded", redactUserinfo(text))
	}
	scheme, rest, ok := strings.Cut(text, "://")
	u.scheme = strings.ToLower(scheme)
	if !ok || u.scheme != "http" && u.scheme != "https" {
		return nil, fmt.Errorf("the integration URI %q must begin with http:// or https://", text)
	}
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		u.authority, rest = rest[:at], rest[at:]
	} else {
		u.authority, rest = rest, ""
	}
	rest, _, _ = strings.Cut(rest, "#")
	u.path, u.query, _ = strings.Cut(rest, "?")
	if strings.ContainsAny(u.authority, "{}") {
		return nil, fmt.Errorf("the host of the integration URI %q cannot be taken from the request", text)
	}
	if strings.Contains(u.authority, "@") {
		return nil, fmt.Errorf("the integration URI %q must not hold a user name", redactUserinfo(text))
	}
	return u, u.splitAuthority(text)
}

func (u *endpointURI) splitAuthority(text string) error {
	u.host, u.port = u.authority, 80
	if u.scheme == "https" {
		u.port = 443
	}
	if host, port, err := net.SplitHostPort(u.authority); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("the integration URI %q has no valid port", text)
		}
		u.host, u.port = host, uint32(n)
	}
	u.host = strings.Trim(u.host, "[]")
	if u.host == "" {
		return fmt.Errorf("the integration URI %q has no host", text)
	}
	if net.ParseIP(u.host) == nil && strings.ContainsAny(u.host, " \t:[]<>\"\\^`|%$") {
		return fmt.Errorf("the integration URI %q has no valid host", text)
	}
	return nil
}

// redactUserinfo hides what may be a password.
func redactUserinfo(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	_, host, user := strings.Cut(rest, "@")
	if !ok || !user {
		return text
	}
	return scheme + "://…@" + host
}

// placeholders lists the {names} in a path or query, in order, repeats included.
func placeholders(text string) []string {
	var names []string
	for {
		_, after, ok := strings.Cut(text, "{")
		if !ok {
			return names
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return names
		}
		names = append(names, strings.TrimSuffix(name, "+"))
		text = rest
	}
}

// replacePlaceholders puts value(name) for every {name}; the text between goes
// through literal.
func replacePlaceholders(text string, literal, value func(string) string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "{")
		name, rest, closed := strings.Cut(after, "}")
		if !ok || !closed {
			b.WriteString(literal(text))
			return b.String()
		}
		b.WriteString(literal(before))
		b.WriteString(value(strings.TrimSuffix(name, "+")))
		text = rest
	}
}
