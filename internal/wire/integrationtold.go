package wire

import (
	"net/url"
	"strings"
)

// What the templates of an integration override stays within the integration service. Where a
// stage's access log wants some of it, Envoy asks for that, is answered in a header that no
// client sees, and keeps it as metadata of the request.
const (
	// OverridesHeader names in the request the variables that are wanted, and has in the
	// response those that were set, both in the form of a query.
	OverridesHeader = InternalHeaderPrefix + "overrides"
	// OverridesMetadata has the response's as OverridesTold.
	OverridesMetadata = "gw.overrides"
	OverridesTold     = "told"
)

// MaxOverrides is how long what is told may be: Envoy keeps no more of a header.
const MaxOverrides = 8 << 10

// AskOverrides asks for variables of access logs.
func AskOverrides(names []string) string {
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = url.QueryEscape(name)
	}
	return strings.Join(escaped, "&")
}

// TellOverrides answers what AskOverrides asks, with what value knows of each variable. What
// there is no room for is replaced by instead.
func TellOverrides(asked, instead string, value func(name string) string) string {
	var told []byte
	for escaped := range strings.SplitSeq(asked, "&") {
		name, err := url.QueryUnescape(escaped)
		if err != nil {
			continue
		}
		v := value(name)
		if v == "" {
			continue
		}
		for _, text := range []string{v, instead} {
			member := "&" + escaped + "=" + url.QueryEscape(text)
			if len(told)+len(member) <= MaxOverrides {
				told = append(told, member...)
				break
			}
		}
	}
	return strings.TrimPrefix(string(told), "&")
}

// ToldOverride is the value of a variable in what TellOverrides gives.
func ToldOverride(told, name string) string {
	if told == "" {
		return ""
	}
	values, _ := url.ParseQuery(told)
	return values.Get(name)
}
