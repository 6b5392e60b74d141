package telemetry

import (
	"log/slog"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	logv3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/outputtest"
	"gatehouse/internal/wire"
)

// entry is what an Envoy tells about a good request.
func entry(api, stage, route string) *logv3.HTTPAccessLogEntry {
	claims, err := structpb.NewStruct(map[string]any{wire.TokenClaims: map[string]any{"sub": "jane", "groups": []any{"a", "b"}, "n": 1.0}})
	if err != nil {
		panic(err)
	}
	return &logv3.HTTPAccessLogEntry{
		ProtocolVersion: logv3.HTTPAccessLogEntry_HTTP2,
		CommonProperties: &logv3.AccessLogCommon{
			AccessLogType: logv3.AccessLogType_DownstreamEnd,
			DownstreamRemoteAddress: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Address: "192.0.2.7", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 4711},
			}}},
			TlsProperties: &logv3.TLSProperties{
				TlsVersion: logv3.TLSProperties_TLSv1_2, TlsCipherSuite: wrapperspb.UInt32(0xc02f),
			},
			StartTime:                 timestamppb.New(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)),
			TimeToFirstUpstreamTxByte: durationpb.New(2 * time.Millisecond),
			TimeToFirstUpstreamRxByte: durationpb.New(14 * time.Millisecond),
			Duration:                  durationpb.New(20 * time.Millisecond),
			UpstreamCluster:           "backend",
			RouteName:                 wire.LoggedRoute{API: api, Stage: stage, Route: route}.String(),
			CustomTags: map[string]string{
				wire.TagAsked: wire.AskedFormat("GET", "Shop.Example.com:8443", "/base/pets/7"), wire.TagKey: "|0a1b|:acme:1",
			},
			Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{wire.TokensMetadata: claims}},
		},
		Request: &logv3.HTTPRequestProperties{UserAgent: "curl/8", RequestId: "id-1", RequestHeadersBytes: 100, RequestBodyBytes: 20},
		Response: &logv3.HTTPResponseProperties{
			ResponseCode: wrapperspb.UInt32(200), ResponseCodeDetails: "via_upstream", ResponseHeadersBytes: 50, ResponseBodyBytes: 30,
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

func (h *harness) tell(entries ...*logv3.HTTPAccessLogEntry) { h.handle(newBatch(), "edge-1", entries) }

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
