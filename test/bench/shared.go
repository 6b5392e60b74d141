package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"text/tabwriter"

	"google.golang.org/grpc"

	"gatehouse/gateway"
)

// measureShared compares routes whose requests count for limits that Envoys share with the
// same routes without a limit, and counts what Envoy and the rate limit service say to each
// other meanwhile. No limit is ever reached.
func measureShared(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	g, err := startGatehouse(sharedLimits(backend))
	if err != nil {
		return err
	}
	defer g.stop()
	const host, key, hard = "limits.execute-api.localhost", "x-api-key: 0123456789-reported", "x-api-key: 0123456789-hard"
	// It is in no other plan.
	const rated = "x-api-key: 0123456789-rated"
	if err := waitServing(g.port, host, "/free/open", 200); err != nil {
		return err
	}
	fmt.Fprintln(w, "limits that Envoys share\tEnvoy CPU a request\tratio")
	if err := compete(size, w, []*contestant{
		{name: "REST API, open, no limit", envoy: g.envoy, port: g.port, host: host, path: "/free/open", headers: []string{key}},
		{name: "shared throttle of the stage", envoy: g.envoy, port: g.port, host: host, path: "/v1/open", headers: []string{key}},
	}); err != nil {
		return err
	}
	before := g.reports.messages.Load()
	if err := compete(size, w, []*contestant{
		{name: "API key, not counted", envoy: g.envoy, port: g.port, host: host, path: "/uncounted/key", headers: []string{key}},
		{name: "API key, only usage", envoy: g.envoy, port: g.port, host: host, path: "/free/key", headers: []string{key}},
		{name: "API key, and a quota", envoy: g.envoy, port: g.port, host: host, path: "/quota/key", headers: []string{key}},
		{name: "API key, a quota, and shared throttles of key and stage", envoy: g.envoy, port: g.port, host: host, path: "/v1/key", headers: []string{key}},
	}); err != nil {
		return err
	}
	requests := 4 * size.rounds * (size.warmUp() + size.requests)
	fmt.Fprintf(w, "messages for these %d requests\t%d\t\n", requests, g.reports.messages.Load()-before)
	if err := compete(size, w, []*contestant{
		{name: "API key, not counted, among 50 plans", envoy: g.envoy, port: g.port, host: host, path: "/manyuncounted/key", headers: []string{key}},
		{name: "API key, and a quota, among 50 plans", envoy: g.envoy, port: g.port, host: host, path: "/many/key", headers: []string{key}},
		{name: "API key, and a shared throttle of its plan", envoy: g.envoy, port: g.port, host: host, path: "/rate/key", headers: []string{rated}},
		{name: "API key, and a shared throttle of its plan, among 50 plans", envoy: g.envoy, port: g.port, host: host, path: "/manyrates/key", headers: []string{rated + "-49"}},
	}); err != nil {
		return err
	}
	return compete(size, w, []*contestant{
		{name: "API key, only usage", envoy: g.envoy, port: g.port, host: host, path: "/free/key", headers: []string{key}},
		{name: "API key, and a hard quota", envoy: g.envoy, port: g.port, host: host, path: "/quota/key", headers: []string{hard}},
	})
}

// sharedLimits is an API with a stage that has a throttle and a plan with one, a stage
// whose plans have quotas, and one where only usage is counted, and one where it is not.
func sharedLimits(backend string) *gateway.Snapshot {
	integration := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + backend + "/pets"}
	d := &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{
		{Method: "GET", Path: "/open", Integration: integration}, {Method: "GET", Path: "/key", Integration: integration, APIKeyRequired: true},
	}}
	// Open, so that Envoy has no buckets of its own besides.
	much := &gateway.Throttle{Rate: 1e6, Burst: 1e6, Shared: true, FailureMode: gateway.FailOpen}
	quota := func(hard bool) *gateway.Quota {
		return &gateway.Quota{Limit: 1e12, Period: gateway.QuotaMonth, FailureMode: gateway.FailOpen, Hard: hard}
	}
	plan := func(name, key, stage string, throttle *gateway.Throttle, quota *gateway.Quota) gateway.UsagePlan {
		return gateway.UsagePlan{Name: name, Throttle: throttle, Quota: quota, Keys: []string{key}, Stages: []gateway.PlanStage{{API: "limits", Stage: stage}}}
	}
	s := &gateway.Snapshot{
		APIs: []gateway.API{{ID: "limits", Protocol: gateway.REST, Stages: []gateway.Stage{
			{Name: "v1", Deployment: d, Throttle: much}, {Name: "quota", Deployment: d}, {Name: "free", Deployment: d}, {Name: "uncounted", Deployment: d},
			{Name: "many", Deployment: d}, {Name: "manyuncounted", Deployment: d}, {Name: "rate", Deployment: d}, {Name: "manyrates", Deployment: d},
		}}},
		APIKeys: []gateway.APIKey{
			{Name: "reported", Values: []gateway.Secret{"0123456789-reported"}}, {Name: "hard", Values: []gateway.Secret{"0123456789-hard"}},
			{Name: "rated", Values: []gateway.Secret{"0123456789-rated"}},
		},
		UsagePlans: []gateway.UsagePlan{
			plan("all", "reported", "v1", much, quota(false)), plan("quota", "reported", "quota", nil, quota(false)),
			plan("hard", "hard", "quota", nil, quota(true)), plan("free", "reported", "free", nil, nil),
			{Name: "uncounted", Uncounted: true, Keys: []string{"reported"}, Stages: []gateway.PlanStage{{API: "limits", Stage: "uncounted"}}},
			{Name: "rate", Uncounted: true, Throttle: much, Keys: []string{"rated"}, Stages: []gateway.PlanStage{{API: "limits", Stage: "rate"}}},
		},
	}
	// The key is in the last of many plans.
	for i := range 50 {
		key := fmt.Sprintf("key-%d", i)
		if i == 49 {
			key = "reported"
		} else {
			s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: key, Values: []gateway.Secret{gateway.Secret("0123456789-" + key)}})
		}
		uncounted := plan(fmt.Sprintf("uncounted-%d", i), key, "manyuncounted", nil, nil)
		rated := fmt.Sprintf("rated-%d", i)
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: rated, Values: []gateway.Secret{gateway.Secret("0123456789-" + rated)}})
		rate := plan(fmt.Sprintf("rate-%d", i), rated, "manyrates", much, nil)
		uncounted.Uncounted, rate.Uncounted = true, true
		s.UsagePlans = append(s.UsagePlans, plan(fmt.Sprintf("many-%d", i), key, "many", nil, quota(false)), uncounted, rate)
	}
	return s
}

// messageCount counts the messages of the quota service, in both directions.
type messageCount struct{ messages atomic.Int64 }

func (c *messageCount) intercept(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if strings.HasSuffix(info.FullMethod, "/StreamRateLimitQuotas") {
		stream = countedStream{stream, c}
	}
	return handle(srv, stream)
}

type countedStream struct {
	grpc.ServerStream
	count *messageCount
}

func (s countedStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil {
		s.count.messages.Add(1)
	}
	return err
}

func (s countedStream) SendMsg(m any) error {
	s.count.messages.Add(1)
	return s.ServerStream.SendMsg(m)
}
