package management

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"gatehouse/management/restjson"
)

// checkOrigin keeps web pages away from an address that lets everyone in. A browser on
// this machine reaches it, and would do what any page asks.
func (s *Server) checkOrigin(r *http.Request) error {
	refuse := func(message string) error {
		return &restjson.Error{Type: "AccessDeniedException", Status: http.StatusForbidden, Message: message}
	}
	if s.options.Loopback && !namesThisMachine(r.Host) {
		return refuse("This address is for localhost and IP addresses only: it lets everyone in, and must not be reached by other names")
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		from, err := url.Parse(origin)
		if err != nil || from.Host != r.Host {
			return refuse("This address lets everyone in, and takes no requests of web pages")
		}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return refuse("This address lets everyone in, and takes no requests of web pages")
	}
	return nil
}

// namesThisMachine reports whether a Host header has no name that others may have given to
// a loopback address.
func namesThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	_, err := netip.ParseAddr(host)
	// Names below localhost are this machine's by RFC 6761; browsers see to that.
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
