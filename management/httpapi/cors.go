package httpapi

import (
	"net/url"
	"slices"
	"strings"
)

// corsMethods are what an origin can be let do.
var corsMethods = []string{"*", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// settle writes methods and origins as requests have them. Amazon takes them in any case.
func (c *Cors) settle() {
	if c == nil {
		return
	}
	for i, method := range c.AllowMethods {
		c.AllowMethods[i] = strings.ToUpper(method)
	}
	for i, origin := range c.AllowOrigins {
		c.AllowOrigins[i] = strings.ToLower(origin)
	}
}

// checkCORS checks which other origins may call an HTTP API.
func checkCORS(p *problems, c *Cors) {
	if c == nil {
		return
	}
	for _, origin := range c.AllowOrigins {
		if !isOrigin(origin) {
			p.add("Invalid format for origin %s. Origin must be *, https://*, http://* or a scheme and a host, such as https://www.example.com", shorten(origin))
		}
	}
	for _, method := range c.AllowMethods {
		if !slices.Contains(corsMethods, method) {
			p.add("Invalid CORS method %s. Must be one of [%s]", shorten(method), strings.Join(corsMethods, ", "))
		}
	}
	for _, list := range [][]string{c.AllowHeaders, c.ExposeHeaders} {
		for _, name := range list {
			if !isHeaderName(name) {
				p.add("Invalid CORS header name %q", shorten(name))
			}
		}
	}
	if c.MaxAge != nil {
		p.between("corsConfiguration.maxAge", *c.MaxAge, -1, 86400)
	}
	if c.AllowCredentials && slices.Contains(c.AllowOrigins, "*") {
		p.add("allow-credentials is not supported if 'allow-origin' is *")
	}
}

// isOrigin tells "*", a scheme with any host, and a scheme with a host.
func isOrigin(text string) bool {
	if text == "*" || text == "https://*" || text == "http://*" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && text == u.Scheme+"://"+u.Host && !strings.Contains(u.Host, "*")
}

// isHeaderName tells "*" and what RFC 9110 lets be the name of a header.
func isHeaderName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}
