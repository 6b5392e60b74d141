package gateway_test

import (
	"cmp"
	"strings"
	"testing"

	"gatehouse/gateway"
)

// FuzzText gives hostile text to all that reads text in this package.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"/", "/pets/{id}", "/a/{b}/{c+}", "/{proxy+}", "//", "/{a}{b}", "/pets/", "/{id}/{id}",
		"'literal'", "'", "method.request.header.X", "method.request.body.$.a", "context.identity.sourceIp",
		"$request.path", "${request.path.id}-${context.stage}", "${", "$", "a$${stageVariables.b}",
		"http://${stageVariables.host}/a", "$context.requestId ${context.status} $context.authorizer.claims['a b']", "${stageVariables.a}${stageVariables.a}",
	} {
		for _, other := range []string{"/a", "/{x}", "/a/{y+}"} {
			f.Add(seed, other, "/a/b/{z}")
		}
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var templates []gateway.PathTemplate
		for _, text := range []string{a, b, c} {
			if template, err := gateway.ParsePath(text); err == nil {
				checkTemplate(t, text, template)
				templates = append(templates, template)
			} else if template != nil {
				t.Errorf("%q gives both a path and %v", text, err)
			}
		}
		checkOrder(t, templates)
		checkExpressions(t, a)

		resolved, missing := gateway.ResolveStageVariables(a, map[string]string{"host": b})
		for _, name := range missing {
			if !strings.Contains(a, "${stageVariables."+name+"}") {
				t.Errorf("%q is said to lack %q", a, name)
			}
		}
		checkLogFormat(t, a)
		if again, none := gateway.ResolveStageVariables(a, nil); len(missing) == 0 && len(none) == 0 && (again != a || resolved != a) {
			t.Errorf("%q has no variables, but becomes %q and %q", a, resolved, again)
		}
	})
}

// checkLogFormat holds that a format is either taken in whole, or complained about.
func checkLogFormat(t *testing.T, format string) {
	t.Helper()
	for _, protocol := range []gateway.Protocol{gateway.REST, gateway.HTTP, gateway.WebSocket, ""} {
		parts, mistakes := gateway.ParseAccessLogFormat(format, protocol)
		for _, m := range mistakes {
			if m.Offset >= len(format) && format != "" || m.Code == "" || m.Message == "" {
				t.Errorf("%q: %+v", format, m)
			}
		}
		if len(mistakes) > 0 {
			continue
		}
		short, long := "", ""
		for _, p := range parts {
			if p.Variable == "" {
				short, long = short+p.Text, long+p.Text
				continue
			}
			if _, known := gateway.AccessLogVariable(p.Variable); !known {
				t.Errorf("%q has the variable %q", format, p.Variable)
			}
			short, long = short+"$context."+p.Variable, long+"${context."+p.Variable+"}"
		}
		if !strings.ContainsAny(format, "{[") && format != short || !strings.Contains(format, "[") && len(short) > len(long) {
			t.Errorf("%q became %q", format, short)
		}
	}
}

func checkTemplate(t *testing.T, text string, template gateway.PathTemplate) {
	t.Helper()
	if template.String() != text {
		t.Errorf("%q is written as %q", text, template)
	}
	seen := map[string]bool{}
	for i, s := range template {
		switch {
		case s.Variable != "" && (s.Literal != "" || seen[s.Variable] || strings.ContainsAny(s.Variable, "{}/")):
			t.Errorf("%q has the segment %+v", text, s)
		case s.Greedy && (s.Variable == "" || i < len(template)-1):
			t.Errorf("%q has a greedy segment in the middle", text)
		case s.Variable == "" && strings.ContainsAny(s.Literal, "{}/"):
			t.Errorf("%q has the literal %q", text, s.Literal)
		}
		seen[s.Variable] = true
	}
}

// checkOrder holds that Compare is an order: what sorts by it would else depend on the
// order that things came in.
func checkOrder(t *testing.T, templates []gateway.PathTemplate) {
	t.Helper()
	sign := func(a, b gateway.PathTemplate) int { return cmp.Compare(a.Compare(b), 0) }
	for _, a := range templates {
		for _, b := range templates {
			if sign(a, b) != -sign(b, a) || sign(a, b) == 0 && a.String() != b.String() {
				t.Errorf("%s and %s: %d, %d", a, b, sign(a, b), sign(b, a))
			}
			for _, c := range templates {
				if sign(a, b) < 0 && sign(b, c) < 0 && sign(a, c) >= 0 {
					t.Errorf("%s before %s before %s, but not before it", a, b, c)
				}
			}
		}
	}
}

func checkExpressions(t *testing.T, text string) {
	t.Helper()
	if v, err := gateway.ParseRESTValue(text); err == nil {
		if len(v) != 1 {
			t.Errorf("%q gives %v", text, v)
		}
		if constant, ok := v.Literal(); ok && "'"+constant+"'" != text {
			t.Errorf("%q is the literal %q", text, constant)
		}
	} else if v != nil {
		t.Errorf("%q gives both %v and %v", text, v, err)
	}
	if v, err := gateway.ParseHTTPValue(text); err == nil {
		if len(v) == 0 {
			t.Errorf("%q gives no value", text)
		}
		if constant, ok := v.Literal(); ok && constant != text {
			t.Errorf("%q is the literal %q", text, constant)
		}
	} else if v != nil {
		t.Errorf("%q gives both %v and %v", text, v, err)
	}
}
