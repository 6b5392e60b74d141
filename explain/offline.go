package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
	"gatehouse/translator"
)

// Offline tells what becomes of a request on a snapshot that could be served. The error is of
// the question, or an *UnservableError. Of APIs that the request cannot come to, no routes are
// translated: of a thousand APIs that takes seconds.
func Offline(s *gateway.Snapshot, q Question) (*Explanation, error) {
	a, err := q.read()
	if err != nil {
		return nil, err
	}
	part, left := reachedBy(s, a)
	p, err := Prepare(part)
	if err != nil {
		return nil, err
	}
	p.snapshot = s
	e, err := p.Offline(q)
	if err != nil || !left[e.API] {
		return e, err
	}
	if p, err = Prepare(s); err != nil {
		return nil, err
	}
	return p.Offline(q)
}

// reachedBy is a snapshot with the routes of those APIs only that a request may come to, by its
// host and path, and the ids of those that are left without. Hosts and what is mapped to them
// stay as they are, so that it comes to the same stage.
func reachedBy(s *gateway.Snapshot, a *asked) (part *gateway.Snapshot, left map[string]bool) {
	reached := map[string]bool{}
	for i := range s.Domains {
		d := &s.Domains[i]
		if !named(d.Name, a.host) {
			continue
		}
		for j := range d.Mappings {
			if m := &d.Mappings[j]; m.Path == "" || strings.HasPrefix(a.path+"/", "/"+m.Path+"/") {
				reached[m.API] = true
			}
		}
	}
	copied := *s
	copied.APIs, left = slices.Clone(s.APIs), map[string]bool{}
	for i := range copied.APIs {
		api := &copied.APIs[i]
		own := strings.HasPrefix(a.host, strings.ToLower(api.ID)+".") || strings.HasPrefix(a.path+"/", "/_aws/execute-api/"+api.ID+"/")
		if own || reached[api.ID] {
			continue
		}
		left[api.ID] = true
		api.Stages = slices.Clone(api.Stages)
		for j := range api.Stages {
			st := &api.Stages[j]
			st.Deployment = withoutRoutes(st.Deployment)
			if st.Canary != nil && st.Canary.Deployment != nil {
				canary := *st.Canary
				canary.Deployment = withoutRoutes(canary.Deployment)
				st.Canary = &canary
			}
		}
	}
	return &copied, left
}

func withoutRoutes(d *gateway.Deployment) *gateway.Deployment {
	copied := *d
	copied.Routes, copied.Tools = nil, nil
	return &copied
}

// named reports whether a domain's name, which may begin with a * for what it leaves open, is
// that of a host.
func named(domain, host string) bool {
	suffix, wild := strings.CutPrefix(strings.ToLower(domain), "*")
	return suffix == host || wild && strings.HasSuffix(host, suffix)
}

// Prepared is a snapshot that many questions are asked about.
type Prepared struct {
	snapshot *gateway.Snapshot
	out      *translator.Output
}

// UnservableError is of a snapshot that cannot be translated.
type UnservableError struct{ Problems gateway.Diagnostics }

func (e *UnservableError) Error() string {
	return "the definitions cannot be served:\n" + e.Problems.Err().Error()
}

// Prepare translates a snapshot. The error is an *UnservableError.
func Prepare(s *gateway.Snapshot) (*Prepared, error) {
	out, diags := translator.New().Translate(s)
	if out == nil {
		return nil, &UnservableError{diags}
	}
	return &Prepared{s, out}, nil
}

// Translated is a snapshot that has been translated already, which is not done again: of many
// APIs that takes seconds. What is of another revision is left aside.
func Translated(s *gateway.Snapshot, out *translator.Output) (*Prepared, error) {
	if out == nil || out.Revision != s.Revision() {
		return Prepare(s)
	}
	return &Prepared{s, out}, nil
}

// Offline is Offline on the snapshot. The error is of the question.
func (p *Prepared) Offline(q Question) (*Explanation, error) {
	a, err := q.read()
	if err != nil {
		return nil, err
	}
	out := p.out
	ex := &offline{Explanation: &Explanation{}, snapshot: p.snapshot, first: a, asked: a, body: q.Body}
	if a.refused != "" {
		ex.add("path", Failed, gateway.Position{}, a.refused)
		ex.answer(400, "", `{"message":"Bad Request"}`)
		return ex.Explanation, nil
	}
	vh, err := ex.host(out, q.Gateway)
	if err != nil {
		return nil, err
	}
	if vh == nil {
		ex.add("host", Failed, gateway.Position{}, fmt.Sprintf("no API and no domain has the name %s%s", a.host, ex.knownHosts(out, q.Gateway)))
		ex.answer(403, "", forbidden)
		return ex.Explanation, nil
	}
	ex.follow(out, vh)
	return ex.Explanation, nil
}

// forbidden is what is said of hosts and paths that are nobody's.
const forbidden = `{"message":"Forbidden"}`

// offline is an explanation in the making.
type offline struct {
	*Explanation
	snapshot *gateway.Snapshot
	// first is what the client asks for, and asked what the path form has made of that.
	first, asked *asked
	body         []byte

	// domain is the one that has the host; nil for an API's own.
	domain     *gateway.Domain
	vh         *routev3.VirtualHost
	route      *routev3.Route
	api        *gateway.API
	stage      *gateway.Stage
	deployment *gateway.Deployment
	variables  map[string]string
	of         *gateway.Route
	// base is the path below which the route's begins, and template the route's.
	base     string
	template gateway.PathTemplate
	// key is the name of the API key that was let in, empty for none.
	key string
	// parameters are the path parameters.
	parameters map[string]string
}

// answer is the gateway's, if everything before it is passed.
func (ex *offline) answer(status int, t gateway.ResponseType, body string) {
	ex.Answer = Answer{Status: status, Certain: ex.settled(), ResponseType: t, Body: body, From: FromGateway}
}

// refuse ends an explanation with a gateway response.
func (ex *offline) refuse(name string, at gateway.Position, t gateway.ResponseType, message, text string) {
	ex.add(name, Failed, at, text)
	status, body := ex.response(t, message)
	if ex.api.Protocol == gateway.HTTP {
		t = ""
	}
	ex.answer(status, t, body)
}

// response is what the API answers for a type: its own, or the built-in. The message may be
// empty for the usual.
func (ex *offline) response(t gateway.ResponseType, message string) (status int, body string) {
	d := gateway.ResponseDefaults[t]
	if ex.api.Protocol == gateway.HTTP {
		switch t {
		case gateway.AccessDenied:
			return 403, forbidden
		case gateway.RequestTooLarge:
			return 413, `{"message":"Request Entity Too Large"}`
		case gateway.AuthorizerFailure, gateway.AuthorizerConfigurationError, gateway.APIConfigurationError:
			return 500, `{"message":"Internal Server Error"}`
		}
	}
	status = d.Status
	message = cmp.Or(message, d.Message)
	said := fmt.Sprintf("%q", message)
	if message == "" {
		said = "null"
	}
	own := ex.deployment.ResolveGatewayResponse(t)
	if ex.api.Protocol == gateway.HTTP || own == nil {
		return status, fmt.Sprintf(`{"%s":%s}`, t.MessageKey(), said)
	}
	if own.StatusCode != "" {
		_, _ = fmt.Sscan(own.StatusCode, &status) // three digits
	}
	if contentType, template := gateway.UsualTemplate(own.Templates); contentType != "" {
		return status, template
	}
	return status, `{"message":` + said + `}`
}
