package lambda

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"gatehouse/gateway"
)

// Target is where a function is called. Targets can be compared.
type Target struct {
	// Name of the function, and Qualifier: a version or alias, "" for the latest.
	Name, Qualifier string
	// ARN without the qualifier; empty when the function was named without one.
	ARN string
	// Region of the ARN.
	Region string
	// Endpoint speaks the Invoke API; empty stands for AWS, or where the environment
	// says that it is.
	Endpoint string
	// Role is the ARN of a role that calls the function, "" for Gatehouse itself.
	Role string
	// URL is a webhook, and takes the place of all of the above.
	URL string
	// Secret is the webhook's bearer token.
	Secret gateway.Secret
}

// String names the target for logs, without what may be secret in a URL.
func (t Target) String() string {
	switch {
	case t.URL != "":
		return withoutSecrets(t.URL)
	case t.ARN == "" && t.Qualifier == "":
		return t.Name
	case t.ARN == "":
		return t.Name + ":" + t.Qualifier
	case t.Qualifier == "":
		return t.ARN
	}
	return t.ARN + ":" + t.Qualifier
}

func withoutSecrets(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "a webhook"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// ErrUnknown says that a function is named without an ARN, and that the definition does
// not say where it is.
var ErrUnknown = errors.New("there is no such function under functions")

var (
	invocationURI = regexp.MustCompile(`^arn:[a-z0-9-]+:apigateway:[a-z0-9-]+:lambda:path/(?:2015-03-31/functions/(.+)/invocations|2021-11-15/functions/(.+)/response-streaming-invocations)$`)
	functionARN   = regexp.MustCompile(`^(arn:[a-z0-9-]+:lambda:([a-z0-9-]+):([0-9]{12}):function:([A-Za-z0-9_-]{1,140}))(?::(\$LATEST|[A-Za-z0-9_-]{1,128}))?$`)
	functionName  = regexp.MustCompile(`^([A-Za-z0-9_-]{1,140})(?::(\$LATEST|[A-Za-z0-9_-]{1,128}))?$`)
)

// Find makes out what a URI, its stage variables resolved, calls: a function by the
// ARN of its invocation, by its own ARN or its name, or a webhook. A webhook may also
// stand where the function does in the ARN of an invocation, so that a stage variable
// chooses between the two. The functions say where some of them are; the entry that names
// the function most precisely counts.
func Find(uri string, functions []gateway.Function) (Target, error) {
	text := uri
	if m := invocationURI.FindStringSubmatch(uri); m != nil {
		text = cmp.Or(m[1], m[2])
	}
	if strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return Target{}, fmt.Errorf("%q is not a URL", withoutSecrets(text))
		}
		return Target{URL: text}, nil
	}
	t, ok := named(text)
	if !ok {
		return t, fmt.Errorf("%q does not name a function", uri)
	}
	if entry := entryFor(t, functions); entry != nil {
		t.URL, t.Endpoint, t.Secret = entry.URL, entry.Endpoint, entry.Secret
	} else if t.ARN == "" {
		return t, ErrUnknown
	}
	return t, nil
}

func named(text string) (Target, bool) {
	if m := functionARN.FindStringSubmatch(text); m != nil {
		return Target{ARN: m[1], Region: m[2], Name: m[4], Qualifier: m[5]}, true
	}
	if m := functionName.FindStringSubmatch(text); m != nil {
		return Target{Name: m[1], Qualifier: m[2]}, true
	}
	return Target{}, false
}

// entryFor prefers entries with the qualifier, and among them those with the ARN.
func entryFor(t Target, functions []gateway.Function) *gateway.Function {
	var best *gateway.Function
	bestRank := 0
	for i := range functions {
		entry, ok := named(functions[i].Name)
		switch {
		case !ok, entry.Name != t.Name,
			entry.ARN != "" && entry.ARN != t.ARN,
			entry.Qualifier != "" && entry.Qualifier != t.Qualifier:
			continue
		}
		rank := 1
		if entry.ARN != "" {
			rank++
		}
		if entry.Qualifier != "" {
			rank += 2
		}
		if rank > bestRank {
			best, bestRank = &functions[i], rank
		}
	}
	return best
}

// Shown is the address that a function is called at, as execution logs have it.
func (t Target) Shown() string {
	if t.ARN == "" || t.URL != "" || t.Endpoint != "" {
		return t.String()
	}
	return "https://lambda." + t.Region + ".amazonaws.com/2015-03-31/functions/" + t.String() + "/invocations"
}
