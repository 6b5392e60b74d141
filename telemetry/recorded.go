package telemetry

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/telemetry/history"
	"gatehouse/telemetry/socket"
)

// History keeps the last requests and events, and how many there were. *history.History is one.
type History interface {
	// Add takes in a request, which has ended, and keeps none of it. It does not wait.
	Add(*history.Request)
	// Sent counts a message that a client of a WebSocket API was sent, by a route or by none.
	Sent(api, stage, route string)
}

// record tells the history of a request.
func (s *Server) record(told *history.Request, node string, r *request, account []executionlog.Entry) {
	if s.history == nil {
		return
	}
	*told = history.Request{
		ID: requestID(r), At: r.plausibleBegin(s.now()), Node: node,
		API: r.logged.API, Stage: r.logged.Stage, Canary: r.logged.Canary,
		Method: r.method, Host: r.host(), Path: r.path, HTTPVersion: protocol(r),
		Caller: r.entry.Client, UserAgent: r.userAgent, KeyName: r.keyName(),
		Status: r.status, Latency: r.latency(),
		Received: r.received, Sent: r.sent,
		Details: r.details(), Flags: r.entry.Flags,
		Upstream: r.upstream, UpstreamAddress: r.upstreamAddress(),
		UpstreamFailure: r.upstreamFailure(),
	}
	told.IntegrationLatency, told.Integrated = r.integrationLatency()
	if r.stage != nil {
		told.Protocol, told.Revision = string(r.stage.api.Protocol), r.compiled.revision
		if told.Status >= 400 {
			told.ResponseType, told.ErrorMessage, told.Throttled = string(r.responseType()), r.errorMessage(), r.throttled()
		}
	}
	if r.stage != nil && r.stage.api.Protocol == gateway.WebSocket && r.refusedConnection() {
		told.Event, told.Fault, told.ConnectionID = string(socket.Connect), string(socket.Refused(told.Status)), refusedConnectionID(r)
	}
	if r.route != nil {
		told.RouteMethod, told.Resource = r.route.Method, r.route.Path
		if r.route.Authorization != nil {
			told.Authorizer, told.Signature, told.Permission = toldCheck(r.authorizer()), toldCheck(r.signature()), toldCheck(r.permission())
		}
		if r.route.cached {
			told.Cache = s.cached.take(told.ID)
		}
	}
	told.Execution = textsOf(account)
	s.history.Add(told)
}

// recordEvent tells the history of what happened on a connection.
func (s *Server) recordEvent(told *history.Request, r *request, account []executionlog.Entry) {
	if s.history == nil {
		return
	}
	e := r.socket
	*told = history.Request{
		ID: e.RequestID, At: e.At.UTC(), API: e.API, Stage: e.Stage, Resource: e.Route,
		Protocol: string(gateway.WebSocket), Revision: r.compiled.revision,
		Event: string(e.Type), Fault: string(e.Fault()), ConnectionID: e.ConnectionID,
		Host: e.Domain, Caller: e.SourceIP, UserAgent: e.UserAgent, KeyName: e.KeyName,
		Status: e.Status, Latency: e.Took,
		Integrated: e.Integrated, IntegrationLatency: e.IntegrationLatency, IntegrationStatus: e.IntegrationStatus, UpstreamFailure: e.IntegrationError,
		Throttled: e.Response == gateway.Throttled, ResponseType: string(e.Response), ErrorMessage: e.Error,
		Execution: textsOf(account),
	}
	if e.CloseCode != 0 {
		told.Ended = strings.TrimSpace(strconv.Itoa(e.CloseCode) + " " + e.CloseReason)
	}
	s.history.Add(told)
}

func toldCheck(c check) history.Check { return history.Check{Status: c.status, Failure: c.failure} }

// plausibleBegin is when the request began: by Envoy's clock, unless that is as wrong as no
// request can take.
func (r *request) plausibleBegin(now time.Time) time.Time {
	began := r.began()
	if ended := began.Add(r.latency()); ended.After(now.Add(time.Hour)) || ended.Before(now.Add(-24*time.Hour)) {
		return now.Add(-r.latency()).UTC()
	}
	return began
}

// Cached tells whether the answer to a request was kept ("hit") or had to be made. It
// comes from the integration service, before Envoy tells about the request.
func (s *Server) Cached(requestID, result string) {
	if s.history == nil {
		return
	}
	if result != history.CacheHit {
		result = history.CacheMiss
	}
	s.cached.put(requestID, result)
}

// maxCacheResults bounds those that wait for Envoy to tell, twice.
const maxCacheResults = 20_000

// cacheResults are those of requests that have not been told about. Those that never are,
// as their telling was lost, are forgotten with the next generation but one.
type cacheResults struct {
	mu            sync.Mutex
	young, before map[string]string
}

func (c *cacheResults) put(id, result string) {
	if id == "" || len(id) > 128 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= maxCacheResults {
		c.young, c.before = nil, c.young
	}
	if c.young == nil {
		c.young = map[string]string{}
	}
	c.young[id] = result
}

func (c *cacheResults) take(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, results := range []map[string]string{c.young, c.before} {
		if result, ok := results[id]; ok {
			delete(results, id)
			return result
		}
	}
	return ""
}

// textsOf are the lines of an account, which are not shared with anybody.
func textsOf(account []executionlog.Entry) []string {
	if len(account) == 0 {
		return nil
	}
	lines := make([]string, 0, len(account))
	for _, e := range account {
		lines = append(lines, e.Text)
	}
	return lines
}
