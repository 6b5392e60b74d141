package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"gatehouse/telemetry/history"
)

const (
	// maxAnswer bounds an answer of Prometheus's.
	maxAnswer = 8 << 20
	// maxPoints bounds what is asked for; Prometheus itself refuses more than 11,000.
	maxPoints = 2000
	// patience is how long all questions about one series may take together.
	patience = 10 * time.Second
)

// Source is a Prometheus. It is safe for concurrent use.
type Source struct {
	api v1.API
	// name is its URL without a password, for errors.
	name string
}

// New makes a Source of the URL of a Prometheus, or of what speaks its API below a path.
// A name and a password in it are sent as HTTP has it (Basic), and to nobody else.
func New(address string) (*Source, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		// The error would repeat the URL, with a password that may be in it.
		return nil, errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the scheme must be http or https")
	case u.Host == "":
		return nil, errors.New("no host is given")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it must end with the path, which the API's own (/api/v1) is added to")
	}
	user := u.User
	u.User = nil
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: patience, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
	client, err := api.NewClient(api.Config{Address: u.String(), Client: &http.Client{
		Transport: careful{transport, user},
		// Elsewhere a password may not go, and what is asked for is here.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}})
	if err != nil {
		return nil, fmt.Errorf("not a URL of a Prometheus: %w", err)
	}
	return &Source{api: v1.NewAPI(client), name: u.String()}, nil
}

// careful sends the credentials, and takes answers of bounded length.
type careful struct {
	next http.RoundTripper
	user *url.Userinfo
}

func (c careful) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.user != nil {
		r = r.Clone(r.Context())
		password, _ := c.user.Password()
		r.SetBasicAuth(c.user.Username(), password)
	}
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &bounded{resp.Body, maxAnswer}
	return resp, nil
}

// bounded fails where an answer goes on for too long.
type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errors.New("the answer is too long")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// numbers are the counters that a point has, by what is asked for.
var numbers = []struct {
	metric string
	// byStage metrics know of no routes, and have other labels.
	byStage bool
	// sockets are of WebSocket APIs.
	sockets bool
	more    string
	of      func(*history.Point) *uint64
}{
	{metric: "gatehouse_apigateway_count_total", of: func(p *history.Point) *uint64 { return &p.Count }},
	{metric: "gatehouse_apigateway_4xx_total", of: func(p *history.Point) *uint64 { return &p.ClientErrors }},
	{metric: "gatehouse_apigateway_5xx_total", of: func(p *history.Point) *uint64 { return &p.ServerErrors }},
	{metric: "gatehouse_apigateway_throttled_total", of: func(p *history.Point) *uint64 { return &p.Throttled }},
	{metric: "gatehouse_stage_cache_requests_total", byStage: true, more: `result="hit"`, of: func(p *history.Point) *uint64 { return &p.CacheHits }},
	{metric: "gatehouse_stage_cache_requests_total", byStage: true, more: `result!="hit"`, of: func(p *history.Point) *uint64 { return &p.CacheMisses }},
	{metric: socketMetric + "connect_count_total", sockets: true, of: func(p *history.Point) *uint64 { return &p.Sockets.Connects }},
	{metric: socketMetric + "message_count_total", sockets: true, more: `direction="received"`, of: func(p *history.Point) *uint64 { return &p.Sockets.Received }},
	{metric: socketMetric + "message_count_total", sockets: true, more: `direction="sent"`, of: func(p *history.Point) *uint64 { return &p.Sockets.Sent }},
	{metric: socketMetric + "client_errors_total", sockets: true, of: func(p *history.Point) *uint64 { return &p.Sockets.ClientErrors }},
	{metric: socketMetric + "integration_errors_total", sockets: true, of: func(p *history.Point) *uint64 { return &p.Sockets.IntegrationErrors }},
	{metric: socketMetric + "execution_errors_total", sockets: true, of: func(p *history.Point) *uint64 { return &p.Sockets.ExecutionErrors }},
}

// socketMetric is what metrics of WebSocket APIs begin with.
const socketMetric = "gatehouse_apigateway_websocket_"

// sketches are the histograms that a point has, of requests and of events of WebSocket APIs,
// of which sockets is empty where there is none.
var sketches = []struct {
	metric, sockets string
	of              func(*history.Point) *history.Sketch
}{
	{"gatehouse_apigateway_latency_seconds_bucket", "", func(p *history.Point) *history.Sketch { return &p.Latency }},
	{"gatehouse_apigateway_integration_latency_seconds_bucket", socketMetric + "integration_latency_seconds_bucket", func(p *history.Point) *history.Sketch { return &p.IntegrationLatency }},
}

// Series gives a point for every step from one time to another, as history.Reader does.
// Numbers are those of Prometheus's increase: about right, of what it has scraped. Points
// have no statuses and no bytes, and those of routes no cache hits. Routes are known where
// their metrics are detailed. Of WebSocket APIs it has the Sockets and how long integrations
// took: their events are not in Count.
func (s *Source) Series(ctx context.Context, of history.Of, from, to time.Time, step time.Duration) ([]history.Point, error) {
	step = max(step.Truncate(time.Minute), time.Minute)
	first := from.UTC().Truncate(step)
	n := int((to.Sub(first) + step - 1) / step)
	if n <= 0 {
		return nil, nil
	}
	if n > maxPoints {
		return nil, fmt.Errorf("%d points are too many: ask for %d or less", n, maxPoints)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q := question{s, of, first, n, step}
	points := make([]history.Point, n)
	for i := range points {
		points[i].At = first.Add(time.Duration(i) * step)
	}
	// Each question has a part of the points of its own.
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(4)
	for _, number := range numbers {
		if number.byStage && of.Method+of.Resource != "" || !q.may(number.sockets) {
			continue
		}
		asking.Go(func() error {
			selector := q.selector("api_id", number.sockets, number.more)
			if number.byStage {
				selector = q.selector("api", false, number.more)
			}
			return q.ask(ctx, "sum(increase("+number.metric+selector+q.window()+"))", func(at int, _ model.Metric, value float64) {
				*number.of(&points[at]) = rounded(value)
			})
		})
	}
	for _, sketch := range sketches {
		asking.Go(func() error {
			buckets := make([]map[float64]float64, n)
			for i, metric := range []string{sketch.metric, sketch.sockets} {
				sockets := i == 1
				if metric == "" || !q.may(sockets) {
					continue
				}
				err := q.ask(ctx, "sum by (le) (increase("+metric+q.selector("api_id", sockets, "")+q.window()+"))", func(at int, of model.Metric, value float64) {
					if buckets[at] == nil {
						buckets[at] = map[float64]float64{}
					}
					if bound, ok := boundOf(of["le"]); ok {
						buckets[at][bound] += value
					}
				})
				if err != nil {
					return err
				}
			}
			for i := range points {
				fill(sketch.of(&points[i]), buckets[i])
			}
			return nil
		})
	}
	if err := asking.Wait(); err != nil {
		return nil, fmt.Errorf("prometheus at %s: %w", s.name, plain(err))
	}
	return points, nil
}

// question is what all parts of an answer have in common.
type question struct {
	source *Source
	of     history.Of
	first  time.Time
	n      int
	step   time.Duration
}

// may tells whether metrics of WebSocket APIs, or those of others, know of what is asked:
// routes of WebSocket APIs have no method, and all others have one.
func (q *question) may(sockets bool) bool {
	if q.of.Resource == "" || q.of.Resource == history.None {
		return true
	}
	return sockets == (q.of.Method == "") || q.of.Method == history.Other
}

// selector picks the series. Labels of a stage that has none for routes are empty.
func (q *question) selector(apiLabel string, sockets bool, more string) string {
	var parts []string
	is := func(label, value string) {
		if value == history.None {
			value = ""
		}
		parts = append(parts, label+"="+quoted(value))
	}
	if q.of.API != "" {
		is(apiLabel, q.of.API)
	}
	if q.of.Stage != "" {
		is("stage", q.of.Stage)
	}
	switch {
	case q.of.Method+q.of.Resource == "":
	case sockets:
		is("route", q.of.Resource)
	default:
		is("method", q.of.Method)
		is("resource", q.of.Resource)
	}
	if more != "" {
		parts = append(parts, more)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// quoted is a string of PromQL. Names come from definitions, and from addresses that
// people follow.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(text, "\ufffd")) + `"`
}

func (q *question) window() string { return "[" + model.Duration(q.step).String() + "]" }

// ask asks for an expression of what was counted in each step, and tells its values.
func (q *question) ask(ctx context.Context, expression string, tell func(at int, of model.Metric, value float64)) error {
	// A value at a time is of the step that ends there.
	begin := q.first.Add(q.step)
	value, _, _, err := q.source.api.QueryRange(ctx, expression, v1.Range{Start: begin, End: begin.Add(time.Duration(q.n-1) * q.step), Step: q.step})
	if err != nil {
		return err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return fmt.Errorf("it answers with a %s", value.Type())
	}
	for _, stream := range matrix {
		for _, sample := range stream.Values {
			at := int((sample.Timestamp.Time().Sub(begin) + q.step/2) / q.step)
			if at >= 0 && at < q.n {
				tell(at, stream.Metric, float64(sample.Value))
			}
		}
	}
	return nil
}

// plain is an error without the URL that was asked, which has the whole question in it, and
// without what another server may have to say at length.
func plain(err error) error {
	var told *v1.Error
	if errors.As(err, &told) {
		return fmt.Errorf("%s: %.300s", told.Type, told.Msg)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
