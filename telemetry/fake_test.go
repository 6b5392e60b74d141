package telemetry

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/internal/outputtest"
	"gatehouse/internal/wire"
)

// entry is what an Envoy tells about a good request.
func entry(api, stage, route string) *logEntry {
	return &logEntry{
		began: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
		LoggedRequest: wire.LoggedRequest{
			Route:    wire.LoggedRoute{API: api, Stage: stage, Route: route}.String(),
			Asked:    wire.Asked{Method: "GET", Host: "Shop.Example.com:8443", Path: "/base/pets/7", UserAgent: "curl/8", Key: "|0a1b|:acme:1"}.String(),
			Protocol: "HTTP/2", RequestID: "id-1", Client: "192.0.2.7",
			Status: "200", Details: "via_upstream",
			RequestHeadersSize: "100", RequestBodySize: "20", ResponseHeadersSize: "50", ResponseBodySize: "30",
			Took: "20000", TookAtAll: "21", IntegrationTook: "12000", UpstreamCluster: "backend", UpstreamHost: "10.0.0.1:8080",
			TLSVersion: "TLSv1.2", TLSCipher: "ECDHE-RSA-AES128-GCM-SHA256",
			Tokens: `{"` + wire.TokenClaims + `":{"sub":"jane","groups":["a","b"],"n":1}}`,
		},
	}
}

// snapshot has an API of each kind that can be logged.
func snapshot(log *gateway.StageAccessLog) *gateway.Snapshot {
	routes := []gateway.Route{
		{Method: "GET", Path: "/pets/{id}", Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy}},
		{Method: gateway.AnyMethod, Path: "/f", Integration: &gateway.Integration{Type: gateway.IntegrationAWSProxy}},
	}
	stage := func(name string) gateway.Stage {
		return gateway.Stage{Name: name, Deployment: &gateway.Deployment{Protocol: gateway.REST, Routes: routes}, AccessLog: log, DetailedMetrics: true}
	}
	s := &gateway.Snapshot{
		APIs: []gateway.API{
			{ID: "shop", Name: "The Shop", Protocol: gateway.REST, Stages: []gateway.Stage{stage("v1")}},
			{ID: "web", Name: "Web", Protocol: gateway.HTTP, Stages: []gateway.Stage{stage(gateway.DefaultStage)}},
		},
		Domains: []gateway.Domain{{Name: "*.example.com", Mappings: []gateway.DomainMapping{{Path: "base"}, {Path: ""}, {Path: "base/pets"}}}},
	}
	return s.Seal()
}

// harness is a server with what it says.
type harness struct {
	*Server
	stdout   *outputtest.Buffer
	registry *prometheus.Registry
	log      *outputtest.Buffer
}

func newHarness(t *testing.T, o Options) *harness {
	h := &harness{stdout: &outputtest.Buffer{}, registry: prometheus.NewRegistry(), log: &outputtest.Buffer{}}
	if o.Stdout == nil {
		o.Stdout = h.stdout
	}
	o.Registerer, o.Log = h.registry, slog.New(slog.NewTextHandler(h.log, nil))
	h.Server = New(o)
	t.Cleanup(func() { _ = h.Close(t.Context()) })
	return h
}

func (h *harness) tell(entries ...*logEntry) {
	h.handle(newBatch(), exported("edge-1", entries...))
}

// written waits for what is under way, and gives what went to stdout.
func (h *harness) written(t *testing.T) string {
	t.Helper()
	if err := h.logs.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h.stdout.String()
}

// metric is the sum of a metric over the series that have these labels.
func (h *harness) metric(t *testing.T, name string, labels map[string]string) (sum float64, series int) {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			same := 0
			for _, l := range m.GetLabel() {
				if want, asked := labels[l.GetName()]; asked && want == l.GetValue() {
					same++
				}
			}
			if same == len(labels) {
				series++
				sum += m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
			}
		}
	}
	return sum, series
}
