package descriptorfile

import (
	"fmt"
	"strings"
	"testing"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/google/go-cmp/cmp"
)

const (
	second = Unit(ratelimitv3.RateLimitResponse_RateLimit_SECOND)
	hour   = Unit(ratelimitv3.RateLimitResponse_RateLimit_HOUR)
	week   = Unit(ratelimitv3.RateLimitResponse_RateLimit_WEEK)
	year   = Unit(ratelimitv3.RateLimitResponse_RateLimit_YEAR)
	minute = Unit(ratelimitv3.RateLimitResponse_RateLimit_MINUTE)
)

const shop = `domain: shop
descriptors:
  - key: path
    value: /cart
    rate_limit: {unit: minute, requests_per_unit: 5, name: cart, replaces: [{name: all}]}
    descriptors:
      - key: user
        shadow_mode: true
        quota_mode: true
        rate_limit: {unit: Second, requests_per_unit: 1}
  - key: path
    value: /c*
    rate_limit: {unit: year, requests_per_unit: 4}
  - key: path
    value: /ca*
    rate_limit: {unit: hour, requests_per_unit: 4}
  - key: path
    rate_limit: {unit: week, requests_per_unit: 3, name: all}
  - key: staff
    rate_limit: {unlimited: true}
  - key: code
    value: 404
    rate_limit: {unit: hour, requests_per_unit: 0}
  - key: file
    value: pets/*
    share_threshold: true
    descriptors:
      - key: by
        rate_limit: {unit: hour, requests_per_unit: 9}
`

// entries are keys and values in turn.
func entries(texts ...string) []*entry {
	var all []*entry
	for i := 0; i < len(texts); i += 2 {
		all = append(all, &entry{Key: texts[i], Value: texts[i+1]})
	}
	return all
}

func parse(t testing.TB, text string) *Limits {
	t.Helper()
	limits, ds := Parse([]File{{"shop.yaml", []byte(text)}})
	if limits == nil {
		t.Fatal(ds)
	}
	return limits
}

func TestFind(t *testing.T) {
	limits := parse(t, shop)
	in := func(path string, l Limit) *Limit {
		l.Domain, l.Path = "shop", path
		return &l
	}
	for _, test := range []struct {
		domain  string
		entries []*entry
		want    *Limit
	}{
		{"shop", entries("path", "/cart"), in("path=/cart", Limit{Unit: minute, Requests: 5, Name: "cart", Replaces: []string{"all"}})},
		// The first wildcard of the file goes before those that would match better.
		{"shop", entries("path", "/cat"), in("path=/c*", Limit{Unit: year, Requests: 4})},
		{"shop", entries("path", "/c"), in("path=/c*", Limit{Unit: year, Requests: 4})},
		// The wildcard itself is meant by its own text.
		{"shop", entries("path", "/ca*"), in("path=/ca*", Limit{Unit: hour, Requests: 4})},
		{"shop", entries("path", "/dog"), in("path", Limit{Unit: week, Requests: 3, Name: "all"})},
		{"shop", entries("path", ""), in("path", Limit{Unit: week, Requests: 3, Name: "all"})},
		{"shop", entries("path", "/cart", "user", "ann"), in("path=/cart,user", Limit{Unit: second, Requests: 1, Shadow: true, Quota: true})},
		{"shop", entries("staff", ""), in("staff", Limit{Unlimited: true})},
		{"shop", entries("code", "404"), in("code=404", Limit{Unit: hour})},
		{"shop", entries("file", "pets/1", "by", "ann"), in("file=pets/*,by", Limit{Unit: hour, Requests: 9})},
		{"shop", entries("code", "500"), nil},
		{"shop", entries("path", "/dog", "user", "ann"), nil},
		{"shop", entries("user", "ann", "path", "/cart"), nil},
		// Keys and values are compared apart, not joined.
		{"shop", entries("path_/cart", ""), nil},
		{"shop", nil, nil},
		{"other", entries("path", "/cart"), nil},
	} {
		got, counter := limits.find(test.domain, test.entries)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", test.domain, test.entries, diff)
		}
		if counted := got != nil && !got.Unlimited; (counter != "") != counted {
			t.Errorf("%s %v has the counter %q", test.domain, test.entries, counter)
		}
	}
}

// TestCountersApart: a caller cannot write a value that counts on another's counter, and
// only what is shared on purpose is.
func TestCountersApart(t *testing.T) {
	limits := parse(t, shop)
	seen := map[string]string{}
	long := strings.Repeat("x", 300)
	for _, e := range [][]*entry{
		entries("a", "b"), entries("a", "c"), entries("a", "b/1:c/1:d"), entries("a", "b", "c", "d"), entries("a", "", "", "b"),
		entries("a", long), entries("a", long+"y"), entries("a", "b", "c", long), entries("a", "b", "d", long),
	} {
		c := counter("d", e, nil, hour)
		if other, taken := seen[c]; taken {
			t.Errorf("%v counts with %s as %s", e, other, c)
		}
		if seen[c] = fmt.Sprint(e); len(c) > longestCounter {
			t.Errorf("%v has a counter of %d bytes", e, len(c))
		}
	}
	for _, c := range []struct {
		a, b []*entry
		same bool
	}{
		{entries("path", "/cat"), entries("path", "/cow"), false},
		{entries("path", "/dog"), entries("path", "/pig"), false},
		{entries("file", "pets/1", "by", "ann"), entries("file", "pets/2", "by", "ann"), true},
		{entries("file", "pets/1", "by", "ann"), entries("file", "pets/1", "by", "bob"), false},
	} {
		_, a := limits.find("shop", c.a)
		_, b := limits.find("shop", c.b)
		if (a == b) != c.same || a == "" {
			t.Errorf("%v counts as %q and %v as %q", c.a, a, c.b, b)
		}
	}
}

func TestProblems(t *testing.T) {
	_, ds := Parse([]File{
		{"a.yaml", []byte("domain: shop\ndescriptors:\n" +
			"  - {key: a, rate_limit: {unit: fortnight, requests_per_unit: -1}}\n" +
			"  - {key: a, vlaue: b}\n" +
			"  - {key: b, detailed_metric: true, shadow_mode: true}\n" +
			"  - {key: c, value_to_metric: true, rate_limit: {unlimited: true, unit: day, requests_per_unit: 1}}\n" +
			"  - {key: d, rate_limit: {unit: day, requests_per_unit: 1, name: n, replaces: [{name: n}, {name: nobody}]}}\n" +
			"  - {value: e}\n" +
			"  - {key: f*}\n" +
			"  - {key: f, value: g, share_threshold: true}\n" +
			"  - {key: g, quota_mode: true, rate_limit: {unlimited: true}}\n" +
			"  - {key: h, rate_limit: {unit: day, requests_per_unit: 4294967296}}\n")},
		{"b.yaml", []byte("domain: shop\n")},
		{"c.yaml", []byte("domain: gatehouse\n")},
		{"d.yaml", []byte("descriptors: [{key: [a]}]\n")},
	})
	var got []string
	for _, d := range ds {
		got = append(got, d.Pos.String()+" "+d.Severity.String()+" "+d.Code)
	}
	want := []string{
		"a.yaml:3:33 error unknown-value", "a.yaml:3:63 error out-of-range",
		"a.yaml:4:5 error duplicate-descriptor", "a.yaml:4:14 error unknown-key",
		"a.yaml:5:31 warning unsupported-metric", "a.yaml:5:50 warning no-effect",
		"a.yaml:6:31 warning unsupported-metric", "a.yaml:6:73 error conflicting-keys", "a.yaml:6:97 warning no-effect",
		"a.yaml:7:80 error replaces-itself", "a.yaml:7:98 warning no-effect", "a.yaml:8:5 error missing-key",
		"a.yaml:9:11 error wildcard-key", "a.yaml:10:41 error share-without-wildcard",
		"a.yaml:11:26 warning no-effect", "a.yaml:12:57 error out-of-range",
		"b.yaml:1:9 error duplicate-domain", "c.yaml:1:9 error reserved-domain",
		"d.yaml:1:1 error missing-key", "d.yaml:1:21 error wrong-type",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%v", diff, ds)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(shop), "path", "/cart", "user", "ann")
	f.Add([]byte(`{"domain": "d", "descriptors": [{"key": "a", "value": "*"}]}`), "a", "", "b", "c")
	f.Add([]byte("domain: d\ndescriptors: &x\n  - {key: a, descriptors: *x}\n"), "a", "*", "", "")
	f.Add([]byte(strings.Repeat("descriptors: [{", 50)), "", "", "", "")
	f.Fuzz(func(t *testing.T, data []byte, k1, v1, k2, v2 string) {
		limits, ds := Parse([]File{{"f.yaml", data}})
		if (limits == nil) != ds.HasErrors() {
			t.Fatalf("limits %v with %v", limits, ds)
		}
		if limits == nil {
			return
		}
		places := map[string]bool{}
		for _, l := range limits.all {
			if places[l.Path] {
				t.Fatalf("two limits are at %s", l.Path)
			}
			places[l.Path] = true
		}
		for _, domain := range limits.Domains() {
			// A prefix of a match matches, or ends in nothing; a match counts somewhere.
			for _, e := range [][]*entry{entries(k1, v1), entries(k1, v1, k2, v2)} {
				l, counter := limits.find(domain, e)
				if counted := l != nil && !l.Unlimited; counted != (counter != "") || len(counter) > longestCounter {
					t.Fatalf("%v: %+v counts as %q", e, l, counter)
				}
			}
		}
	})
}
