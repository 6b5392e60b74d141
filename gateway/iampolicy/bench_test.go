package iampolicy

import (
	"fmt"
	"strings"
	"testing"
)

// benchmarked are policies of the kinds that are met, and of the worst.
func benchmarked() map[string]string {
	var prefixes []string
	for i := range 200 {
		prefixes = append(prefixes, fmt.Sprintf(`"10.%d.0.0/16"`, i))
	}
	return map[string]string{
		"guide": `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
			{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*", "Condition": {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}}]}`,
		"prefixes": `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
			{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": [` + strings.Join(prefixes, ", ") + `]}}}]}`,
		"conditions": statementWith(`"Effect": "Allow", "Principal": {"AWS": "` + annARN + `"}, "Action": "execute-api:Invoke", "Resource": "execute-api:/prod/*/pets/*",
			"Condition": {"StringLike": {"aws:UserAgent": ["wget*", "curl/*"]}, "DateLessThan": {"aws:CurrentTime": "2030-01-01"}, "Bool": {"aws:SecureTransport": "true"},
			"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/*"}, "NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}`),
		"variables": statementWith(`"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/prod/GET/pets/${aws:PrincipalTag/level}"`),
		"hostile":   statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "execute-api:/` + strings.Repeat("*a", 2_500) + "*" + strings.Repeat("a?", 240) + `b*"`),
	}
}

// TestEvaluateAllocatesNothing for requests of the usual form.
func TestEvaluateAllocatesNothing(t *testing.T) {
	for name, text := range benchmarked() {
		p := mustParse(t, text, resourceOptions())
		r := signed()
		if name != "hostile" && p.Evaluate(&r).Effect != Allow {
			t.Errorf("%s: the request is not allowed: the test says nothing", name)
		}
		if n := testing.AllocsPerRun(100, func() { p.Evaluate(&r) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for name, text := range benchmarked() {
		p := mustParse(b, text, resourceOptions())
		r := signed()
		if name == "hostile" {
			r.Resource = testAPI.MethodARN("prod", "GET", strings.Repeat("a", 1500))
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Evaluate(&r)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"Version": "2012-10-17", "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "arn:aws:execute-api:*:*:ab12cd34ef/prod/*/orders/*"}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if p, _ := Parse(text, Options{Kind: AuthorizerPolicy}); p == nil {
			b.Fatal("no policy")
		}
	}
}
