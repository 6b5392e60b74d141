// Package address knows where APIs are served, as answers of the management API tell it.
// Nothing of it is kept: it changes when the gateway moves.
package address

import (
	"cmp"
	"strconv"
	"strings"
)

// Gateway is where APIs are served. The zero value is localhost, by TLS.
type Gateway struct {
	// Suffix ends the host names of APIs, {id}.execute-api.{suffix}; empty means localhost.
	Suffix string
	// Port is 0 for that of the scheme.
	Port uint32
	// Plain tells that there is no TLS.
	Plain bool
}

// defaultSuffix is that of gateways which have none.
const defaultSuffix = "localhost"

// Scheme is http or ws, with an s where there is TLS.
func (g Gateway) Scheme(plain string) string {
	if g.Plain {
		return plain
	}
	return plain + "s"
}

// Host is the name of an API, with the port where a URL needs one.
func (g Gateway) Host(api string) string {
	return g.at(api + ".execute-api." + cmp.Or(g.Suffix, defaultSuffix))
}

// URL is where the gateway answers for a name of DNS, by http or ws.
func (g Gateway) URL(plain, name string) string { return g.Scheme(plain) + "://" + g.at(name) }

// at is a name with the port where a URL needs one.
func (g Gateway) at(host string) string {
	if standard := map[bool]uint32{true: 80, false: 443}[g.Plain]; g.Port != 0 && g.Port != standard {
		host += ":" + strconv.FormatUint(uint64(g.Port), 10)
	}
	return host
}

// Target is where DNS is to have a custom domain name point to. What is kept of it is a name
// as Amazon makes them; its first label becomes one of the gateway's own names, where that
// has a suffix that DNS may know.
func (g Gateway) Target(kept string) string {
	label, _, _ := strings.Cut(kept, ".")
	if kept == "" || cmp.Or(g.Suffix, defaultSuffix) == defaultSuffix {
		return kept
	}
	return label + ".execute-api." + g.Suffix
}
