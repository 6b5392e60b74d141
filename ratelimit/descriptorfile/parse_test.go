package descriptorfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/ratelimit"
)

const shop = `domain: shop
descriptors:
  - key: path
    value: /cart
    rate_limit: {unit: minute, requests_per_unit: 5, name: cart, replaces: [{name: all}]}
    descriptors:
      - key: user
        shadow_mode: true
        rate_limit: {unit: Second, requests_per_unit: 1}
  - key: path
    value: /c*
    rate_limit: {unit: year, requests_per_unit: 4}
  - key: path
    rate_limit: {unit: week, requests_per_unit: 3}
  - key: staff
    rate_limit: {unlimited: true}
`

func TestFind(t *testing.T) {
	limits, ds := Parse([]File{{"shop.yaml", []byte(shop)}})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	for _, test := range []struct {
		domain  string
		entries []Entry
		want    *Limit
	}{
		{"shop", []Entry{{"path", "/cart"}}, &Limit{Unit: ratelimit.Minute, Requests: 5, Name: "cart", Replaces: []string{"all"}}},
		{"shop", []Entry{{"path", "/cat"}}, &Limit{Unit: ratelimit.Year, Requests: 4}},
		{"shop", []Entry{{"path", "/dog"}}, &Limit{Unit: ratelimit.Week, Requests: 3}},
		{"shop", []Entry{{"path", "/cart"}, {"user", "ann"}}, &Limit{Unit: ratelimit.Second, Requests: 1, Shadow: true}},
		{"shop", []Entry{{"staff", ""}}, &Limit{Unlimited: true}},
		{"shop", []Entry{{"path", "/dog"}, {"user", "ann"}}, nil},
		{"shop", []Entry{{"user", "ann"}, {"path", "/cart"}}, nil},
		{"shop", nil, nil},
		{"other", []Entry{{"path", "/cart"}}, nil},
	} {
		got, counter := limits.Find(test.domain, test.entries)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", test.domain, test.entries, diff)
		}
		if (counter == "") != (got == nil) {
			t.Errorf("%s %v has the counter %q", test.domain, test.entries, counter)
		}
	}
}

// TestCountersApart: a caller cannot write a value that counts on another's counter.
func TestCountersApart(t *testing.T) {
	seen := map[string]string{}
	for _, entries := range [][]Entry{
		{{"a", "b"}}, {{"a", "c"}}, {{"a", "b/1:c/1:d"}}, {{"a", "b"}, {"c", "d"}}, {{"a", ""}, {"", "b"}},
	} {
		c := counter("d", entries, ratelimit.Day)
		if other, taken := seen[c]; taken {
			t.Errorf("%v counts with %s as %s", entries, other, c)
		}
		seen[c] = fmt.Sprint(entries)
	}
}

func TestProblems(t *testing.T) {
	_, ds := Parse([]File{
		{"a.yaml", []byte("domain: shop\ndescriptors:\n" +
			"  - {key: a, rate_limit: {unit: fortnight, requests_per_unit: -1}}\n" +
			"  - {key: a, vlaue: b}\n" +
			"  - {key: b, detailed_metric: true, shadow_mode: true}\n" +
			"  - {key: c, value_to_metric: true, rate_limit: {unlimited: true, unit: day}}\n" +
			"  - {key: d, rate_limit: {unit: day, requests_per_unit: 1, name: n, replaces: [{name: n}]}}\n" +
			"  - {value: e}\n")},
		{"b.yaml", []byte("domain: shop\n")},
		{"c.yaml", []byte("domain: gatehouse\n")},
	})
	var got []string
	for _, d := range ds {
		got = append(got, d.Pos.String()+" "+d.Code)
	}
	want := []string{
		"a.yaml:3:33 unknown-value", "a.yaml:3:63 out-of-range",
		"a.yaml:4:5 duplicate-descriptor", "a.yaml:4:14 unknown-key",
		"a.yaml:5:31 unsupported-metric", "a.yaml:5:50 conflicting-keys",
		"a.yaml:6:31 unsupported-metric", "a.yaml:6:73 conflicting-keys",
		"a.yaml:7:80 replaces-itself", "a.yaml:8:5 missing-key",
		"b.yaml:1:9 duplicate-domain", "c.yaml:1:9 reserved-domain",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%v", diff, ds)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(shop))
	f.Add([]byte(`{"domain": "d", "descriptors": [{"key": "a", "value": "*"}]}`))
	f.Add([]byte("domain: d\ndescriptors: &x\n  - {key: a, descriptors: *x}\n"))
	f.Add([]byte(strings.Repeat("descriptors: [{", 50)))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits, ds := Parse([]File{{"f.yaml", data}})
		if (limits == nil) != ds.HasErrors() {
			t.Fatalf("limits %v with %v", limits, ds)
		}
		if limits != nil {
			limits.Find("shop", []Entry{{"path", "/cart"}})
		}
	})
}
