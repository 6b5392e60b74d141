package integration_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway"
)

// TestRetries: a request is repeated as often as the policy says, and for what it says.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		retry *gateway.Retry
		// route replaces the backend's policy.
		route *gateway.Retry
		// fails is how many tries are answered with status, or broken off where it is 0.
		fails, status int
		header        http.Header
		calls, want   int
	}{
		"none":                         {nil, nil, 1, 503, nil, 1, 503},
		"no attempts":                  {&gateway.Retry{}, nil, 1, 503, nil, 1, 503},
		"503 by default":               {&gateway.Retry{Attempts: 2}, nil, 2, 503, nil, 3, 200},
		"too often":                    {&gateway.Retry{Attempts: 2}, nil, 9, 503, nil, 3, 503},
		"502 is not in the default":    {&gateway.Retry{Attempts: 2}, nil, 1, 502, nil, 1, 502},
		"gateway-error":                {&gateway.Retry{Attempts: 1, On: "gateway-error"}, nil, 1, 502, nil, 2, 200},
		"gateway-error, 500":           {&gateway.Retry{Attempts: 1, On: "gateway-error"}, nil, 1, 500, nil, 1, 500},
		"5xx":                          {&gateway.Retry{Attempts: 1, On: "reset, 5xx"}, nil, 1, 500, nil, 2, 200},
		"5xx, 404":                     {&gateway.Retry{Attempts: 1, On: "5xx"}, nil, 1, 404, nil, 1, 404},
		"409":                          {&gateway.Retry{Attempts: 1, On: "retriable-4xx"}, nil, 1, 409, nil, 2, 200},
		"status codes, and none given": {&gateway.Retry{Attempts: 1, On: "retriable-status-codes"}, nil, 1, 503, nil, 1, 503},
		"reset":                        {&gateway.Retry{Attempts: 1, On: "reset"}, nil, 1, 0, nil, 2, 200},
		"reset is no connect-failure":  {&gateway.Retry{Attempts: 1, On: "connect-failure"}, nil, 1, 0, nil, 1, 500},
		"gRPC's unavailable":           {&gateway.Retry{Attempts: 1, On: "unavailable"}, nil, 1, 200, http.Header{"Grpc-Status": {"14"}}, 2, 200},
		"gRPC's internal":              {&gateway.Retry{Attempts: 1, On: "unavailable"}, nil, 1, 200, http.Header{"Grpc-Status": {"13"}}, 1, 200},
		"the route's":                  {&gateway.Retry{Attempts: 9, On: "5xx"}, &gateway.Retry{Attempts: 1, On: "5xx"}, 9, 500, nil, 2, 500},
		"the route's, none":            {&gateway.Retry{Attempts: 9, On: "5xx"}, &gateway.Retry{}, 9, 500, nil, 1, 500},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			b := newBackend(t, nil)
			b.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) > int64(c.fails) {
					return
				}
				for name, values := range c.header {
					w.Header()[name] = values
				}
				if c.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(c.status)
			})
			// POST, which net/http does not repeat by itself.
			snap := cacheOf(func(st *gateway.Stage) {
				yes := true
				st.Settings = []gateway.RouteSettings{{RouteKey: "POST /x", Retry: c.route, Cache: &gateway.CacheSettings{Enabled: &yes}}}
			}, proxyRoute("POST", "/x", "http://b/"))
			snap.Backends = []gateway.Backend{{Name: "b", Hosts: []string{"b"}, Endpoints: []gateway.Endpoint{b.endpoint(t)}, Retry: c.retry}}
			s := newService(t).serve(snap)
			if r := s.ask("POST /x", "POST", "/v1/x", "body"); r.StatusCode != c.want || calls.Load() != int64(c.calls) {
				t.Errorf("%d after %d calls, want %d after %d\n%s", r.StatusCode, calls.Load(), c.want, c.calls, s.log)
			}
		})
	}
}

// A try may take its own time, which ends with the headers of the answer.
func TestRetryTimeout(t *testing.T) {
	var calls atomic.Int64
	b := newBackend(t, nil)
	b.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if calls.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		time.Sleep(300 * time.Millisecond)
		w.Write([]byte("late"))
	})
	policy := &gateway.Retry{Attempts: 1, On: "5xx", PerTryTimeoutMillis: 200}
	backend := gateway.Backend{Name: "b", Hosts: []string{"b"}, Endpoints: []gateway.Endpoint{b.endpoint(t)}, Retry: policy}
	route := httpRoute("GET", "/x", "http://b/", requestTemplate("application/json", "{}"))
	s := backendsOf(t, []gateway.Backend{backend}, route)
	if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 || r.body != "late" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	calls.Store(0)
	policy.On = "connect-failure"
	s = backendsOf(t, []gateway.Backend{backend}, route)
	if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 504 || calls.Load() != 1 {
		t.Errorf("%d after %d calls", r.StatusCode, calls.Load())
	}
}

// However many requests fail, only a few are repeated at a time.
func TestRetryStorm(t *testing.T) {
	var calls atomic.Int64
	b := newBackend(t, nil)
	b.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls.Add(1); w.WriteHeader(503) })
	s := backendsOf(t, []gateway.Backend{{Name: "b", Hosts: []string{"b"}, Endpoints: []gateway.Endpoint{b.endpoint(t)}, Retry: &gateway.Retry{Attempts: 10}}},
		httpRoute("GET", "/x", "http://b/", requestTemplate("application/json", "{}"), responses(gateway.IntegrationResponse{StatusCode: "503"})))
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 503 {
				t.Errorf("%d", r.StatusCode)
			}
		})
	}
	all.Wait()
	if n := calls.Load(); n >= 600 {
		t.Errorf("100 requests became %d", n)
	}
}

// TestBackendHealth: an endpoint that is not well is passed over, until it is well again.
func TestBackendHealth(t *testing.T) {
	var sick atomic.Bool
	var asked, checked [2]atomic.Int64
	var endpoints []gateway.Endpoint
	for i := range 2 {
		b := newBackend(t, nil)
		b.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/health" {
				asked[i].Add(1)
				return
			}
			checked[i].Add(1)
			if !strings.HasPrefix(r.UserAgent(), "Gatehouse") {
				t.Errorf("a check by %s", r.UserAgent())
			}
			if i == 0 && sick.Load() {
				w.WriteHeader(500)
			}
		})
		endpoints = append(endpoints, b.endpoint(t))
	}
	sick.Store(true)
	backend := gateway.Backend{Name: "b", Hosts: []string{"b"}, Endpoints: endpoints, MaxConnections: 1,
		HealthCheck: &gateway.HealthCheck{Path: "/health", IntervalMillis: 20, HealthyThreshold: 2, UnhealthyThreshold: 2}}
	route := httpRoute("GET", "/x", "http://b/x", requestTemplate("application/json", "{}"))
	s := backendsOf(t, []gateway.Backend{backend}, route)
	// shares asks ten times, and tells whether the first endpoint was among those asked.
	shares := func() bool {
		before := asked[0].Load()
		for range 10 {
			if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 {
				t.Fatalf("%d", r.StatusCode)
			}
		}
		return asked[0].Load() > before
	}
	until := func(what string, want bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); shares() != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	until("an endpoint that is not well is asked", false)
	sick.Store(false)
	until("an endpoint that is well again is not asked", true)
	sick.Store(true)
	until("an endpoint that has become ill is asked", false)
	// Nobody watches what no revision has any more, and the one before it.
	none := func() *gateway.Snapshot {
		return snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/y")}})
	}
	s.serve(none())
	s.serve(none())
	time.Sleep(50 * time.Millisecond)
	before := checked[1].Load()
	time.Sleep(100 * time.Millisecond)
	if after := checked[1].Load(); after > before+1 {
		t.Errorf("%d checks came after the end", after-before)
	}
}

// Where no endpoint is well, they are asked all the same.
func TestNoEndpointIsWell(t *testing.T) {
	b := newBackend(t, nil)
	var checks atomic.Int64
	b.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			checks.Add(1)
			w.WriteHeader(503)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	gone := gateway.Endpoint{Host: "127.0.0.1", Port: uint32(l.Addr().(*net.TCPAddr).Port)}
	s := backendsOf(t, []gateway.Backend{{Name: "b", Hosts: []string{"b"}, Endpoints: []gateway.Endpoint{b.endpoint(t), gone},
		HealthCheck: &gateway.HealthCheck{Path: "/health", IntervalMillis: 20, UnhealthyThreshold: 1}}},
		httpRoute("GET", "/x", "http://b/x", requestTemplate("application/json", "{}")))
	for end := time.Now().Add(time.Minute); checks.Load() < 3 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.ask("GET /x", "GET", "/v1/x", "")
	}
	for range 6 {
		if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 {
			t.Errorf("%d", r.StatusCode)
		}
	}
}
