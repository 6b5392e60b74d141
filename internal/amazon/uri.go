package amazon

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"gatehouse/gateway"
)

// URI is what the URI of an integration of type AWS calls.
// See https://docs.aws.com/apigateway/latest/api/API_Integration.html
type URI struct {
	Region string
	// Service is what the names of its hosts begin with; Listed says whether it is known.
	Service, Subdomain string
	Known              Known
	Listed             bool
	// Action is empty where the URI has a path, which begins with a slash. Both may have
	// parameters behind them, and {names} that requests fill.
	Action, Path, Query string
}

// URIForm is what is asked for where a URI is none.
const URIForm = "write arn:aws:apigateway:REGION:SERVICE:path/PATH, or arn:aws:apigateway:REGION:SERVICE:action/ACTION"

var actionName = regexp.MustCompile(`^[A-Za-z0-9_]{1,128}$`)

// IsServiceURI tells the URI of a service from that of a function, or of anything else.
func IsServiceURI(text string) bool {
	return anyServiceURI.MatchString(text) && !functionURI.MatchString(text)
}

var (
	anyServiceURI = regexp.MustCompile(`^arn:[a-z0-9-]+:apigateway:`)
	functionURI   = regexp.MustCompile(`^arn:[a-z0-9-]+:apigateway:[a-z0-9-]+:lambda:path/(?:2015-03-31|2021-11-15)/functions/`)
)

// ParseURI reads a URI whose stage variables are resolved.
func ParseURI(text string) (a URI, err error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "apigateway" {
		return a, fmt.Errorf("%q is not the URI of a service", text)
	}
	if a.Region = parts[3]; !IsRegion(a.Region) {
		return a, fmt.Errorf("%q, in the URI %q, cannot be the name of a region", a.Region, text)
	}
	if !IsHost(parts[4]) {
		return a, fmt.Errorf("%q, in the URI %q, cannot be the name of a service", parts[4], text)
	}
	a.findService(parts[4])
	kind, rest, found := strings.Cut(parts[5], "/")
	switch {
	case found && kind == "path":
		a.Path, a.Query, _ = strings.Cut(rest, "?")
		// "path//x" is how the console writes a path with a slash of its own.
		a.Path = "/" + strings.TrimPrefix(a.Path, "/")
		err = checkLiterals(a.Path)
	case found && kind == "action":
		a.Action, a.Query, _ = strings.Cut(rest, "&")
		if !actionName.MatchString(a.Action) {
			err = fmt.Errorf("%q is not the name of an action", a.Action)
		}
	default:
		err = fmt.Errorf("the URI %q has neither path/ nor action/ behind the service", text)
	}
	if err == nil {
		err = checkQuery(a.Query)
	}
	return a, err
}

// checkQuery does for parameters what checkLiterals does for paths.
func checkQuery(query string) error {
	filled := gateway.ReplacePlaceholders(query, literally, func(string) string { return "x" })
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
func (a *URI) findService(text string) {
	a.Service = text
	for name := text; ; {
		if a.Known, a.Listed = Find(name); a.Listed {
			a.Service, a.Subdomain = name, strings.TrimSuffix(strings.TrimSuffix(text, name), ".")
			return
		}
		_, rest, found := strings.Cut(name, ".")
		if !found {
			break
		}
		name = rest
	}
	if before, last, found := cutLast(text, "."); found {
		a.Service, a.Subdomain = last, before
	}
}

func literally(text string) string { return text }

func cutLast(text, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[:at], text[at+len(separator):], true
	}
	return text, "", false
}

// checkLiterals sees to it that what a path has besides its {names} can stand in one.
func checkLiterals(path string) error {
	filled := gateway.ReplacePlaceholders(path, literally, func(string) string { return "x" })
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

// Problem is something that is wrong with a URI, or may be.
type Problem struct {
	Code, Message, Hint string
	Warning             bool
}

// Problem tells what is wrong with calling the service so; nil for nothing.
func (a *URI) Problem() *Problem {
	switch {
	case a.Action != "" && !a.Listed:
		return &Problem{Code: "invalid-uri", Hint: "write path/ with the header that the service wants, or mend its name",
			Message: a.Service + " is no service whose actions are known"}
	case a.Action != "" && a.Known.Protocol == REST:
		return &Problem{Code: "invalid-uri", Hint: "write the path of the action behind path/, and its method as httpMethod",
			Message: a.Known.ID + " has no actions that are called by a name: each has a path and a method of its own"}
	case !a.Listed:
		return &Problem{Code: "unknown-service", Hint: "mend its name if it is mistyped", Warning: true,
			Message: fmt.Sprintf("%s is no service that is known; it is called at %s.%s", a.Service, a.Service, a.Region)}
	}
	return nil
}

// Place is where the service is, for whom has a role ("" for Gatehouse itself).
func (a *URI) Place(role string) Place {
	place := Place{Name: a.Service, Subdomain: a.Subdomain, Region: a.Region, Role: role}
	if a.Service == "states" && a.Action == "StartSyncExecution" {
		place.Name = "sync-states"
	}
	return place
}

// onlyQuery are services whose actions are called by parameters though their API is JSON
// now: their integrations were seen to be answered in that form on Amazon.
var onlyQuery = map[string]bool{"ssm": true}

// ByJSON reports whether the action is named in a header, and its parameters are JSON.
func (a *URI) ByJSON() bool {
	return a.Action != "" && a.Known.Protocol == JSON && !onlyQuery[a.Service]
}

// ActionQuery names the action among the parameters of a query.
func (a *URI) ActionQuery(query string) string {
	out := "Action=" + a.Action
	if a.Known.Version != "" && !strings.Contains("&"+query, "&Version=") {
		out += "&Version=" + a.Known.Version
	}
	if query != "" {
		out += "&" + query
	}
	return out
}

// Complete gives a request what an action of a JSON API needs, unless it is there. It gives
// the body, which is not empty then.
func (a *URI) Complete(header http.Header, body []byte) []byte {
	if !a.ByJSON() {
		return body
	}
	if header["X-Amz-Target"] == nil {
		header["X-Amz-Target"] = []string{a.Known.TargetPrefix + "." + a.Action}
	}
	if header["Content-Type"] == nil {
		header["Content-Type"] = []string{"application/x-amz-json-" + a.Known.JSONVersion}
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	return body
}

// Placeholders are the names that requests fill.
func (a *URI) Placeholders() []string {
	return append(gateway.Placeholders(a.Path), gateway.Placeholders(a.Query)...)
}
