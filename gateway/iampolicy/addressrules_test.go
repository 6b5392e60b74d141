package iampolicy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// interpret decides as a proxy would that knows nothing of policies but the rules: it
// has prefixes, exact paths, path prefixes and regular expressions.
func interpret(t testing.TB, rules *AddressRules, addr netip.Addr, method, path string) Effect {
	covers := func(list []AddressRule) bool {
		for i := range list {
			if list[i].Sources.Contains(addr) && pathsContain(t, list[i].Paths(method), path) {
				return true
			}
		}
		return false
	}
	switch {
	case covers(rules.Deny):
		return Deny
	case covers(rules.Allow):
		return Allow
	}
	return Neither
}

func pathsContain(t testing.TB, paths Paths, path string) bool {
	t.Helper()
	found := false
	for _, p := range paths.Patterns {
		matched := regexp.MustCompile(`^(?:` + p.Regexp() + `)$`).MatchString(path)
		if exact, ok := p.Exact(); ok && (exact == path) != matched {
			t.Errorf("%s covers exactly %q, but its regular expression is %s", p, exact, p.Regexp())
		}
		if prefix, ok := p.Prefix(); ok && strings.HasPrefix(path, prefix) != matched {
			t.Errorf("%s covers all from %q, but its regular expression is %s", p, prefix, p.Regexp())
		}
		found = found || matched
	}
	contained := found != paths.Not
	if paths.All() && !contained || paths.None() && contained {
		t.Errorf("%+v: all %v, none %v, but %q: %v", paths, paths.All(), paths.None(), path, contained)
	}
	return contained
}

// pick returns one of several.
func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func some[T any](rng *rand.Rand, most int, one func() T) []T {
	list := make([]T, 1+rng.IntN(most))
	for i := range list {
		list[i] = one()
	}
	return list
}

// randomPolicy makes policies that are mostly about addresses and paths.
func randomPolicy(rng *rand.Rand) string {
	resource := func() string {
		path := pick(rng, "p", "q", "*", "?") + pick(rng, "/", "*", "?") + pick(rng, "GET", "POST", "*", "G?T", "GE*") + pick(rng, "/", "*", "?") + randomText(rng, "ab/*?", 4)
		return pick(rng, "execute-api:/"+path, "execute-api:/"+path, "execute-api:/"+path, "*", "execute-api:/*",
			"arn:aws:execute-api:eu-*:*:ab*/"+path, "arn:aws:execute-api:us-east-1:*:"+testAPI.ID+"/"+path, "arn:aws:execute-api:*:*:*"+path, "arn:aws:execute-api:eu-west-1:*")
	}
	prefix := func() string {
		return pick(rng, "10.0.0.0/8", "10.0.0.1", "10.0.0.0/30", "0.0.0.0/0", "::/0", "2001:db8::/32", "::ffff:10.0.0.2", "10.0.0.2/31")
	}
	statement := func() map[string]any {
		s := map[string]any{
			"Effect": pick(rng, "Allow", "Allow", "Deny"), "Principal": pick[any](rng, "*", map[string]string{"AWS": "*"}),
			pick(rng, "Action", "Action", "Action", "NotAction"):         pick(rng, "*", Invoke, "execute-api:I*", ManageConnections),
			pick(rng, "Resource", "Resource", "Resource", "NotResource"): some(rng, 3, resource),
		}
		condition := map[string]any{}
		for range rng.IntN(3) {
			condition[pick(rng, "IpAddress", "IpAddress", "NotIpAddress", "IpAddressIfExists", "NotIpAddressIfExists")] = map[string]any{"aws:SourceIp": some(rng, 3, prefix)}
		}
		if rng.IntN(20) == 0 {
			condition["StringLike"] = map[string]string{"aws:UserAgent": "c*"}
		}
		if len(condition) > 0 {
			s["Condition"] = condition
		}
		return s
	}
	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": some(rng, 4, statement)})
	return string(text)
}

func TestAddressRulesDecideAsThePolicyDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	reduced, effects := 0, map[Effect]int{}
	for range 3_000 {
		text := randomPolicy(rng)
		p, _ := Parse([]byte(text), resourceOptions())
		if p == nil {
			// Statements about other APIs only.
			continue
		}
		stage := pick(rng, "p", "q")
		rules, err := p.AddressRules(testAPI, stage)
		if err != nil {
			if !strings.Contains(text, "UserAgent") {
				t.Fatalf("%s\n%v", text, err)
			}
			continue
		}
		reduced++
		for range 12 {
			addr := netip.MustParseAddr(pick(rng, "10.0.0.1", "10.0.0.2", "10.0.0.9", "10.9.9.9", "192.0.2.1", "2001:db8::1", "2001:db9::1"))
			method, path := pick(rng, "GET", "POST", "GETS"), "/"+randomText(rng, "ab/", 4)
			r := Request{Action: Invoke, Resource: testAPI.MethodARN(stage, method, path), SourceIP: addr}
			d := p.Evaluate(&r)
			effects[d.Effect]++
			if got := interpret(t, rules, addr, method, path); got != d.Effect {
				t.Fatalf("%s\n%s from %s: the rules say %v, the policy %v", text, r.Resource, addr, got, d)
			}
		}
	}
	for _, e := range []Effect{Neither, Allow, Deny} {
		if effects[e] < 500 {
			t.Errorf("%v came up %d times: the test says little", e, effects[e])
		}
	}
	if reduced < 1_000 {
		t.Errorf("%d policies were reduced: the test says little", reduced)
	}
}

func TestAddressRules(t *testing.T) {
	p := mustParse(t, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
		{"Sid": "office", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "execute-api:*", "Resource": ["execute-api:/prod/*/admin/*", "execute-api:/beta/*"],
		 "Condition": {"NotIpAddress": {"aws:SourceIp": ["198.51.100.7", "198.51.100.9/24", "2001:db8::/32"]}}},
		{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "execute-api:/prod/POST/a?c", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
		{"Effect": "Deny", "Principal": "*", "Action": "execute-api:InvalidateCache", "Resource": "*"},
		{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
		 "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "IpAddressIfExists": {"aws:SourceIp": "192.0.2.0/24"}}}]}`, resourceOptions())
	rules, err := p.AddressRules(testAPI, "prod")
	if err != nil {
		t.Fatal(err)
	}
	describe := func(list []AddressRule) (all []string) {
		for _, r := range list {
			for _, method := range []string{"GET", "POST"} {
				var patterns []string
				for _, p := range r.Paths(method).Patterns {
					patterns = append(patterns, p.String()+" "+p.Regexp())
				}
				all = append(all, fmt.Sprintf("%d %q %v in %v not in %v %s %v", r.Statement, r.Sid, r.Sources.Any, r.Sources.In, r.Sources.NotIn, method, patterns))
			}
		}
		return all
	}
	if diff := cmp.Diff([]string{
		`0 "" true in [] not in [] GET [* (?s).*]`,
		`0 "" true in [] not in [] POST [* (?s).*]`,
	}, describe(rules.Allow)); diff != "" {
		t.Errorf("allow: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		`1 "office" true in [] not in [198.51.100.0/24 2001:db8::/32] GET [*/admin/* (?s).*/admin/.*]`,
		`1 "office" true in [] not in [198.51.100.0/24 2001:db8::/32] POST [*/admin/* (?s).*/admin/.*]`,
		`2 "" false in [10.0.0.0/8] not in [] GET []`,
		`2 "" false in [10.0.0.0/8] not in [] POST [/a?c (?s)/a.c]`,
	}, describe(rules.Deny)); diff != "" {
		t.Errorf("deny: -want +got:\n%s", diff)
	}
}

func TestAddressRulesRefused(t *testing.T) {
	p := mustParse(t, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "*", "Resource": "*"},
		{"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "*", "Resource": "*"},
		{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}},
		{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Null": {"aws:SourceIp": "true"}}},
		{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"ForAnyValue:IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
		{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}},
		{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "execute-api:/prod/GET/${aws:username}"},
		{"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "execute-api:InvalidateCache", "Resource": "*"}]}`, resourceOptions())
	_, err := p.AddressRules(testAPI, "prod")
	want := strings.Join([]string{
		"Statement[0] names principals", "Statement[1] names principals", "Statement[2] asks for StringEquals of aws:PrincipalTag/team",
		"Statement[3] asks for Null of aws:SourceIp", "Statement[4] asks for IpAddress of aws:SourceIp", "Statement[5] asks for IpAddress of aws:VpcSourceIp",
		"Statement[6] has variables in its resources",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
