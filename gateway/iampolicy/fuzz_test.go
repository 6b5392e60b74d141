package iampolicy

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

var seeds = []string{
	``, `{}`, `[`, `{"Statement": []}`, `{"Statement": {"Effect": 1}}`, "\xff", `{"Id": "\ud800"}`,
	`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
		{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*", "Condition": {"NotIpAddress": {"aws:SourceIp": ["198.51.100.0/24"]}}}]}`,
	`{"Statement": {"Sid": "x", "Effect": "Deny", "NotPrincipal": {"AWS": ["111122223333"], "Service": "a.b"}, "NotAction": "*", "NotResource": ["arn:aws:execute-api:*:*:*a*b?/GET/*"]}}`,
	`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/*/${aws:username, 'x'}${*}",
		"Condition": {"ForAllValues:StringLikeIfExists": {"aws:PrincipalOrgPaths": ["o-*", "${aws:SourceIp}"]}, "DateLessThan": {"aws:CurrentTime": "2026-01-01"},
		"NumericEquals": {"aws:EpochTime": 1.5}, "ArnLike": {"aws:PrincipalArn": "arn:*:*:*:*:${aws:userid}"}, "Null": {"aws:Referer": true}, "BinaryEquals": {"aws:username": "YW5u"},
		"Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"aws:SourceIp": "::ffff:1.2.3.4/100"}, "StringNotEqualsIgnoreCase": {"aws:PrincipalTag/team": "A"}}}}`,
	`{"Statement": {"Effect": "Allow", "Principal": {"*": "*"}, "Action": "*", "Resource": "arn:aws:execute-api:*"}}`,
}

func FuzzParse(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), i%3)
	}
	f.Fuzz(func(t *testing.T, text []byte, kind int) {
		o := Options{Kind: Kind(uint(kind) % 3), API: testAPI}
		p, problems := Parse(text, o)
		errors := 0
		for _, problem := range problems {
			if problem.Offset < 0 || problem.Offset > len(text) {
				t.Errorf("%v is at %d of %d", problem, problem.Offset, len(text))
			}
			if problem.Message == "" {
				t.Error("a problem without a message")
			}
			if !problem.Warning {
				errors++
			}
			LineColumn(text, problem.Offset)
		}
		if (p == nil) != (errors > 0) {
			t.Fatalf("policy %v, %d errors: %v", p, errors, problems)
		}
		if p == nil {
			return
		}
		full, bare := signed(), anonymous()
		p.Evaluate(&full)
		p.Evaluate(&bare)
	})
}

func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "203.0.113.9", "prod", "GET", "/pets/7", annARN, "team", "blue")
		f.Add(s, "::ffff:198.51.100.1", "p*", "", "/a:b/../\xff", "arn:aws:sts::111122223333:assumed-role/a", "", "")
	}
	f.Fuzz(func(t *testing.T, text, ip, stage, method, path, caller, tag, value string) {
		addr, _ := netip.ParseAddr(ip)
		r := Request{
			Action: Invoke, Resource: testAPI.MethodARN(stage, method, path), SourceIP: addr, Time: time.Unix(1773338638, 0),
			Caller:  Caller{ARN: caller, UserName: value, Tags: []Tag{{tag, value}}, OrgPaths: []string{tag, value}},
			Referer: path, UserAgent: value,
		}
		for kind := range limits {
			p, _ := Parse([]byte(text), Options{Kind: Kind(kind), API: testAPI})
			if p == nil {
				continue
			}
			d := p.Evaluate(&r)
			if again := p.Evaluate(&r); again != d {
				t.Fatalf("%v, then %v", d, again)
			}
			if (d.Effect == Neither) != (d.Statement < 0) || d.Statement >= len(p.statements) {
				t.Fatalf("%+v", d)
			}
			// The rules are for requests that have an address and a path of characters.
			rules, err := p.AddressRules(testAPI, stage)
			if err != nil || !addr.IsValid() || strings.ToValidUTF8(r.Resource, "") != r.Resource || strings.Contains(r.Resource, "\uFFFD") {
				continue
			}
			path := "/" + strings.TrimPrefix(path, "/")
			if got := interpret(t, rules, addr.Unmap().WithZone(""), method, path); got != d.Effect {
				t.Fatalf("%s\n%s from %s: the rules say %v, the policy %v", text, r.Resource, addr, got, d)
			}
		}
	})
}
