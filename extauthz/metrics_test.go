package extauthz_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/extauthz"
	"gatehouse/gateway"
)

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := withKeys(one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	h := newHarness(t, s, func(o *extauthz.Options) { o.Registerer = registry })
	a := token("t")
	a.headers = append(a.headers, "x-api-key: the-old-value-of-acme")
	h.check(a)
	h.check(a)
	h.check(token("t"))
	h.check(ask{route: "GET /nothing"})
	got := map[string]float64{}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := strings.TrimPrefix(family.GetName(), "gatehouse_extauthz_")
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if value != 0 {
				got[name] = value
			}
		}
	}
	want := map[string]float64{
		"authorizer_cache_total lambda hit": 2, "authorizer_cache_total lambda miss": 1, "authorizer_call_seconds lambda ok": 1,
		"checks_total true": 2, "checks_total false": 2,
		"evaluator_seconds lambda": 3, "evaluator_seconds api-key": 3,
		"passed_total lambda": 3, "passed_total api-key": 2,
		// Labels are in the order of their names.
		"refusals_total api-key-missing api-key": 1, "refusals_total unknown-route none": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
