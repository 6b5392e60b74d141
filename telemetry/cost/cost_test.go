package cost

import (
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/telemetry/metering"
)

func line(day, api, key string, c metering.Counts) metering.Line {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	protocol := map[string]string{"r": "REST", "h": "HTTP", "w": "WEBSOCKET"}[api[:1]]
	return metering.Line{Day: at, Of: metering.Of{API: api, Protocol: protocol, Stage: "v1", Key: key}, Counts: c}
}

func shown(items []Item) []string {
	var out []string
	for _, i := range items {
		out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s %s = %s",
			i.Month, i.API, i.Stage, i.Key, i.Meter, i.Amount.FloatString(3), i.Cost.FloatString(4))), " "))
	}
	return out
}

func parse(t *testing.T, text string) *Table {
	t.Helper()
	table, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestAWS holds the sums that Amazon's own examples come to, by the prices of the table.
func TestAWS(t *testing.T) {
	table, ok := BuiltIn(AWS)
	if !ok {
		t.Fatal("there are no prices of Amazon's")
	}
	cached := line("2026-11-01", "r2", "", metering.Counts{CacheMinutes: 30 * 24 * 60})
	cached.CacheBytes = 1 << 30
	got := shown(Bill(table, []metering.Line{
		// One billion and a half: 333 M x 3.50 + 667 M x 2.80 + 500 M x 2.38.
		line("2026-10-01", "r1", "", metering.Counts{Calls: 1_500_000_000, Free: 7}),
		// The next month begins anew.
		line("2026-11-01", "r1", "", metering.Counts{Calls: 1_000_000}),
		line("2026-11-02", "r1", "", metering.Counts{Calls: 1_000_000, BytesOut: 2e9}),
		// A GiB is held by a cache of 1.6 GB: 720 hours x 0.038.
		cached,
		line("2026-11-01", "h1", "", metering.Counts{Calls: 10_000_000, CallSteps: 301_000_000}),
		line("2026-11-01", "w1", "", metering.Counts{Messages: 1, MessageSteps: 2_000_000, ConnectionSeconds: 60_000_000}),
	}, By{API: true}))
	want := []string{
		"2026-10 r1 calls 1500000000.000 = 4223.1000",
		"2026-11 h1 callSteps 301000000.000 = 300.9000",
		"2026-11 r1 calls 2000000.000 = 7.0000",
		"2026-11 r1 gigabytesOut 2.000 = 0.1800",
		"2026-11 r2 cacheHours 720.000 = 27.3600",
		"2026-11 w1 messageSteps 2000000.000 = 2.0000",
		"2026-11 w1 connectionMinutes 1000000.000 = 0.2500",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestEdges holds that the last of a tier costs what the tier says, and the next what the next
// does, by Amazon's tiers.
func TestEdges(t *testing.T) {
	table, _ := BuiltIn(AWS)
	whole := func(api string, n uint64) string {
		sum := new(big.Rat)
		for _, i := range Bill(table, []metering.Line{line("2026-11-01", api, "", metering.Counts{Calls: n, CallSteps: n, Messages: n, MessageSteps: n})}, By{}) {
			sum.Add(sum, i.Cost)
		}
		return Decimal(sum, 9)
	}
	for _, c := range []struct {
		api        string
		last       uint64
		at, beyond string
	}{
		{"r", 0, "0", "0.0000035"},
		{"r", 333_000_000, "1165.5", "1165.5000028"},
		{"r", 1_000_000_000, "3033.1", "3033.10000238"},
		{"r", 20_000_000_000, "48253.1", "48253.10000151"},
		{"h", 300_000_000, "300", "300.0000009"},
		{"w", 1_000_000_000, "1000", "1000.0000008"},
	} {
		if at, beyond := whole(c.api, c.last), whole(c.api, c.last+1); at != c.at || beyond != c.beyond {
			t.Errorf("%s: %d cost %s, want %s, and one more %s, want %s", c.api, c.last, at, c.at, beyond, c.beyond)
		}
	}
}

// TestScopes holds who fills tiers together, and that parts add up to the whole.
func TestScopes(t *testing.T) {
	lines := []metering.Line{
		line("2026-11-01", "r1", "acme", metering.Counts{Calls: 100}),
		line("2026-11-02", "r1", "zeta", metering.Counts{Calls: 200}),
		line("2026-11-03", "r2", "acme", metering.Counts{Calls: 300}),
	}
	for scope, want := range map[string][]string{
		// 150 are free, 450 cost one each: 3/4 for each call of all.
		"all": {"2026-11 acme calls 400.000 = 300.0000", "2026-11 zeta calls 200.000 = 150.0000"},
		// Of r1 150 of 300 cost, of r2 150 of 300: half for each.
		"api": {"2026-11 acme calls 400.000 = 200.0000", "2026-11 zeta calls 200.000 = 100.0000"},
		"key": {"2026-11 acme calls 400.000 = 250.0000", "2026-11 zeta calls 200.000 = 50.0000"},
	} {
		table := parse(t, "{name: own, currency: EUR, prices: [{meter: calls, tiersOf: "+scope+", tiers: [{upTo: 150, price: 0}, {price: 1}]}]}")
		if diff := cmp.Diff(want, shown(Bill(table, lines, By{Key: true}))); diff != "" {
			t.Errorf("%s: %s", scope, diff)
		}
		whole := Bill(table, lines, By{})
		parts := Bill(table, lines, By{API: true, Stage: true, Key: true})
		sum := new(big.Rat)
		for _, i := range parts {
			sum.Add(sum, i.Cost)
		}
		if len(whole) != 1 || len(parts) != 3 || sum.Cmp(whole[0].Cost) != 0 {
			t.Errorf("%s: %v are not parts of %v", scope, shown(parts), shown(whole))
		}
	}
}

// TestMistakes holds that all that is wrong with a table is told at once, and where.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"": "there is nothing in it",
		"name: own\ncurrency: EUR\nprices:\n  - {meter: call, tiers: [{price: 1}]}\n  - {meter: calls, per: 0, tiers: [{price: -1}]}\nfee: 3\n": `4:13: there is no meter "call": there are ` +
			"calls, callSteps, messages, messageSteps, connectionMinutes, cacheHours, gigabytesIn, gigabytesOut\n5:25: per must be more than 0\n" +
			"5:44: price must be a number that is not negative, such as 3.50\n" + `6:1: a table of prices has no "fee": there are name, currency, prices`,
		"[]":                          "1:1: a table of prices must be an object",
		"name: a\n---\nname: b":       "one document",
		"name: a\nname: b\nprices: 1": `2:1: "name" is there twice`,
		"{name: a, currency: b, prices: [{meter: calls, tiers: [{upTo: 5, price: 1}]}]}":                                                                                                   "every tier but the last has upTo",
		"{name: a, currency: b, prices: [{meter: calls, tiers: [{upTo: 5, price: 1}, {upTo: 5, price: 1}, {price: 1}]}]}":                                                                  "upTo must go up",
		"{name: a, currency: b, prices: [{meter: calls}]}":                                                                                                                                 "a price has tiers",
		"{name: a, currency: b, prices: [{meter: cacheHours, tiers: [{price: 1}]}]}":                                                                                                       "cacheHours have sizes",
		"{name: a, currency: b, prices: [{meter: cacheHours, sizes: [{gigabytes: 1, price: 1}, {gigabytes: 1, price: 1}]}]}":                                                               "gigabytes must go up",
		"{name: a, currency: b, prices: [{meter: calls, protocol: SOAP, tiersOf: me, tiers: [{price: 1e9}]}]}":                                                                             "protocol must be one of REST, HTTP, WEBSOCKET",
		"{name: a, currency: b, prices: [{meter: calls, tiers: [{}]}, {meter: cacheHours, sizes: [{}]}, {tiers: [{price: 1}]}, 7, {per: x}]}":                                              "price is missing",
		"name: a\ncurrency: b\nprices:\n- {meter: calls, tiers: [{price: 1}]}\n- {meter: calls, protocol: REST, tiers: [{price: 1}]}\n- {meter: calls, tiersOf: key, tiers: [{price: 2}]}": "6:3: calls have a price already, in line 4",
		"{name: a, currency: b, prices: []}": "a list with something in it",
		strings.Repeat(" ", MaxTableBytes+1): "too many",
	} {
		table, err := Parse([]byte(text))
		if err == nil || table != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %s", text, err, want)
		}
	}
}

// TestDocs holds that the table that the documentation shows is one.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/cost.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "# file: own-prices.yaml\n")
	text, _, found := strings.Cut(text, "```")
	if table := parse(t, text); !found || len(table.Prices) != 2 || len(table.Prices[0].Tiers) != 3 {
		t.Errorf("%+v", table)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(awsTable))
	f.Add("{name: own, currency: EUR, prices: [{meter: calls, tiersOf: key, tiers: [{upTo: 150, price: 0}, {price: 1}]}]}")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := Parse([]byte(text))
		if err != nil {
			return
		}
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		counts := metering.Counts{Calls: 1 << 40, CallSteps: 1 << 41, Messages: 5, MessageSteps: 6, ConnectionSeconds: 7, CacheMinutes: 8, BytesIn: 9, BytesOut: 10}
		lines := []metering.Line{{Day: at, Of: metering.Of{API: "a", Protocol: "REST", CacheBytes: 1 << 30}, Counts: counts}}
		for _, i := range Bill(table, lines, By{API: true}) {
			if i.Cost.Sign() < 0 || i.Amount.Sign() <= 0 {
				t.Errorf("%s of %s cost %s", i.Amount, i.Meter, i.Cost)
			}
		}
	})
}

// TestMoney: people see what there is of a sum, programs all of it.
func TestMoney(t *testing.T) {
	for sum, want := range map[string][2]string{
		"0":           {"0.00", "0"},
		"4.4801":      {"4.48", "4.4801"},
		"0.01":        {"0.01", "0.01"},
		"0.0000175":   {"0.000018", "0.0000175"},
		"0.000000004": {"<0.000001", "0.000000004"},
		"1200":        {"1200.00", "1200"},
	} {
		r, ok := new(big.Rat).SetString(sum)
		if got := [2]string{Money(r), ExactMoney(r)}; !ok || got != want {
			t.Errorf("%s: %q, want %q", sum, got, want)
		}
	}
}
