package lambdaevent

import "strings"

// Domain is the name in a Host header, without the port. An address of IPv6 keeps its
// brackets, by which it is known from a name with a port.
func Domain(host string) string {
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		return host[:colon]
	}
	return host
}
