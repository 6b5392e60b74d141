package integration

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
)

// serviceAddress is what the URI of an integration of type AWS calls.
// See https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html
type serviceAddress struct {
	region string
	// service is what the names of its hosts begin with; listed says whether it is known.
	service, subdomain string
	known              amazon.Known
	listed             bool
	// action is empty where the URI has a path, which begins with a slash. Both may have
	// parameters behind them, and {names} that requests fill.
	action, path, query string
}

// serviceURIForm is what is asked for where a URI is none.
const serviceURIForm = "write arn:aws:apigateway:REGION:SERVICE:path/PATH, or arn:aws:apigateway:REGION:SERVICE:action/ACTION"

var actionName = regexp.MustCompile(`^[A-Za-z0-9_]{1,128}$`)

// parseServiceURI reads a URI whose stage variables are resolved.
func parseServiceURI(text string) (a serviceAddress, err error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "apigateway" {
		return a, fmt.Errorf("%q is not the URI of a service", text)
	}
	if a.region = parts[3]; !amazon.IsRegion(a.region) {
		return a, fmt.Errorf("%q, in the URI %q, cannot be the name of a region", a.region, text)
	}
	if !amazon.IsHost(parts[4]) {
		return a, fmt.Errorf("%q, in the URI %q, cannot be the name of a service", parts[4], text)
	}
	a.findService(parts[4])
	kind, rest, found := strings.Cut(parts[5], "/")
	switch {
	case found && kind == "path":
		a.path, a.query, _ = strings.Cut(rest, "?")
		// "path//x" is how the console writes a path with a slash of its own.
		a.path = "/" + strings.TrimPrefix(a.path, "/")
		err = checkLiterals(a.path)
	case found && kind == "action":
		a.action, a.query, _ = strings.Cut(rest, "&")
		if !actionName.MatchString(a.action) {
			err = fmt.Errorf("%q is not the name of an action", a.action)
		}
	default:
		err = fmt.Errorf("the URI %q has neither path/ nor action/ behind the service", text)
	}
	if err == nil {
		err = checkQuery(a.query)
	}
	return a, err
}

// checkQuery does for parameters what checkLiterals does for paths.
func checkQuery(query string) error {
	filled := gateway.ReplacePlaceholders(query, asItIs, func(string) string { return "x" })
	if strings.ContainsAny(filled, "{}") {
		return errors.New("the parameters in the URI have braces that are no {name}")
	}
	_, err := url.ParseQuery(filled)
	if err != nil || strings.ContainsFunc(filled, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }) {
		return errors.New("the parameters in the URI have characters that have to be percent-encoded")
	}
	return nil
}

// findService tells subdomains from names that have a dot in them.
func (a *serviceAddress) findService(text string) {
	a.service = text
	for name := text; ; {
		if a.known, a.listed = amazon.Find(name); a.listed {
			a.service, a.subdomain = name, strings.TrimSuffix(strings.TrimSuffix(text, name), ".")
			return
		}
		_, rest, found := strings.Cut(name, ".")
		if !found {
			break
		}
		name = rest
	}
	if before, last, found := cutLast(text, "."); found {
		a.service, a.subdomain = last, before
	}
}

func cutLast(text, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[:at], text[at+len(separator):], true
	}
	return text, "", false
}

// checkLiterals sees to it that what a path has besides its {names} can stand in one.
func checkLiterals(path string) error {
	filled := gateway.ReplacePlaceholders(path, asItIs, func(string) string { return "x" })
	if strings.ContainsAny(filled, "{}#") {
		return fmt.Errorf("the path %q has braces that are no {name}, or a #", path)
	}
	decoded, err := url.PathUnescape(filled)
	if err != nil {
		return fmt.Errorf("the path %q is not well encoded", path)
	}
	if (&url.URL{Path: decoded, RawPath: filled}).EscapedPath() != filled {
		return fmt.Errorf("the path %q has characters that have to be percent-encoded", path)
	}
	return nil
}

// placeholders are the names that requests fill.
func (a *serviceAddress) placeholders() []string {
	return append(gateway.Placeholders(a.path), gateway.Placeholders(a.query)...)
}
