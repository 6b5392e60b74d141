package gateway

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// EndpointURI is a parsed HTTP integration URI, stage variables resolved. Path
// and query may hold {placeholders}; the authority may not.
type EndpointURI struct {
	Scheme string
	// Authority is host[:port] as written, the Host header of the backend.
	Authority string
	Host      string
	Port      uint32
	// Path begins with a slash, or is empty when the URI has none.
	Path  string
	Query string
	// Private: it named a load balancer or a service, which says neither host nor path.
	Private bool
}

// ParseEndpointURI reads an HTTP integration URI.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/setup-http-integrations.html
func ParseEndpointURI(text string) (*EndpointURI, error) {
	u := &EndpointURI{}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("the integration URI %q has a space or a control character in it; write it percent-encoded", RedactUserinfo(text))
	}
	scheme, rest, ok := strings.Cut(text, "://")
	u.Scheme = strings.ToLower(scheme)
	if !ok || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the integration URI %q must begin with http:// or https://", text)
	}
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		u.Authority, rest = rest[:at], rest[at:]
	} else {
		u.Authority, rest = rest, ""
	}
	rest, _, _ = strings.Cut(rest, "#")
	u.Path, u.Query, _ = strings.Cut(rest, "?")
	if strings.ContainsAny(u.Authority, "{}") {
		return nil, fmt.Errorf("the host of the integration URI %q cannot be taken from the request", text)
	}
	if strings.Contains(u.Authority, "@") {
		return nil, fmt.Errorf("the integration URI %q must not hold a user name", RedactUserinfo(text))
	}
	return u, u.splitAuthority(text)
}

func (u *EndpointURI) splitAuthority(text string) error {
	u.Host, u.Port = u.Authority, 80
	if u.Scheme == "https" {
		u.Port = 443
	}
	if host, port, err := net.SplitHostPort(u.Authority); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("the integration URI %q has no valid port", text)
		}
		u.Host, u.Port = host, uint32(n)
	}
	u.Host = strings.Trim(u.Host, "[]")
	if u.Host == "" {
		return fmt.Errorf("the integration URI %q has no host", text)
	}
	if net.ParseIP(u.Host) == nil && strings.ContainsAny(u.Host, " \t:[]<>\"\\^`|%$") {
		return fmt.Errorf("the integration URI %q has no valid host", text)
	}
	return nil
}

// RedactUserinfo hides what may be a password in a URI, be it one that can be read or not.
func RedactUserinfo(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	_, host, user := strings.Cut(rest, "@")
	if !ok || !user {
		return text
	}
	return scheme + "://…@" + host
}

// Placeholders lists the {names} in a path or query, in order, repeats included.
func Placeholders(text string) []string {
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

// ReplacePlaceholders puts value(name) for every {name}; the text between goes
// through literal.
func ReplacePlaceholders(text string, literal, value func(string) string) string {
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
