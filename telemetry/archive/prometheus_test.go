package archive_test

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"gatehouse/internal/proctest"
	"gatehouse/telemetry/archive"
	"gatehouse/telemetry/history"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// counters are what a Prometheus has scraped of one set of labels, since it began.
type counters struct {
	labels                   string
	calls, client, throttled float64
	buckets                  [len(bounds) + 1]float64
}

var bounds = [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// add counts a request.
func (c *counters) add(status int, latency time.Duration) {
	c.calls++
	if status/100 == 4 {
		c.client++
	}
	if status == 429 {
		c.throttled++
	}
	for i := range c.buckets {
		if i == len(bounds) || latency.Seconds() <= bounds[i] {
			c.buckets[i]++
		}
	}
}

// TestWeeks asks a real Prometheus that has three weeks of two routes.
func TestWeeks(t *testing.T) {
	for _, name := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(name); err != nil {
			proctest.Missing(t, name+" was not found (on Debian and Ubuntu: apt-get install prometheus)")
		}
	}
	const day, scrape = 24 * time.Hour, 5 * time.Minute
	end := time.Now().UTC().Truncate(day)
	begin := end.Add(-21 * day)
	pets := &counters{labels: `api_id="shop",api_name="Shop",stage="v1",method="GET",resource="/pets"`}
	other := &counters{labels: `api_id="shop",api_name="Shop",stage="v2",method="GET",resource="/pets"`}
	exact := map[int64]history.Point{}
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "metrics"))
	if err != nil {
		t.Fatal(err)
	}
	var samples [8][]byte
	for at := begin; !at.After(end); at = at.Add(scrape) {
		stamp := strconv.FormatInt(at.Unix(), 10) + "\n"
		for _, c := range []*counters{pets, other} {
			for i, n := range []float64{c.calls, c.client, c.throttled} {
				name := []string{"count", "4xx", "throttled"}[i]
				samples[i] = fmt.Appendf(samples[i], "gatehouse_apigateway_%s_total{%s} %v %s", name, c.labels, n, stamp)
			}
			for i, n := range c.buckets {
				bound := math.Inf(1)
				if i < len(bounds) {
					bound = bounds[i]
				}
				le := strconv.FormatFloat(bound, 'g', -1, 64)
				samples[3] = fmt.Appendf(samples[3], "gatehouse_apigateway_latency_seconds_bucket{%s,le=\"%s\"} %v %s", c.labels, le, n, stamp)
			}
		}
		for i, direction := range []string{"received", "sent"} {
			samples[5] = fmt.Appendf(samples[5], "gatehouse_apigateway_websocket_message_count_total{api_id=\"chat\",stage=\"v1\",route=\"say\",direction=\"%s\"} %v %s", direction, pets.calls/float64(i+1), stamp)
		}
		samples[6] = fmt.Appendf(samples[6], "gatehouse_apigateway_websocket_client_errors_total{api_id=\"chat\",stage=\"v1\",route=\"say\"} %v %s", pets.client, stamp)
		for i, n := range pets.buckets {
			bound := "+Inf"
			if i < len(bounds) {
				bound = strconv.FormatFloat(bounds[i], 'g', -1, 64)
			}
			samples[7] = fmt.Appendf(samples[7], "gatehouse_apigateway_websocket_integration_latency_seconds_bucket{api_id=\"chat\",stage=\"v1\",route=\"say\",le=\"%s\"} %v %s", bound, n, stamp)
		}
		for i, result := range []string{"hit", "miss", "refresh"} {
			samples[4] = fmt.Appendf(samples[4], "gatehouse_stage_cache_requests_total{api=\"shop\",stage=\"v1\",result=\"%s\"} %v %s", result, pets.calls/float64(2*(i+1)), stamp)
		}
		if at.Equal(end) {
			break
		}
		// More in the middle of a day, and slower on its second half.
		hour := at.Hour()
		p := exact[at.Truncate(day).Unix()]
		for i := range 2 + (12-int(math.Abs(float64(hour-12))))/2 {
			status, latency := 200, time.Duration(8+hour/12*30)*time.Millisecond
			switch i {
			case 0:
				status = 429
			case 1:
				status, latency = 404, 300*time.Millisecond
			}
			pets.add(status, latency)
			p.Count++
			p.Latency.Observe(latency, 1)
		}
		exact[at.Truncate(day).Unix()] = p
		other.add(200, time.Second)
	}
	for i, kind := range []string{
		"apigateway_count counter", "apigateway_4xx counter", "apigateway_throttled counter", "apigateway_latency_seconds histogram", "stage_cache_requests counter",
		"apigateway_websocket_message_count counter", "apigateway_websocket_client_errors counter", "apigateway_websocket_integration_latency_seconds histogram",
	} {
		fmt.Fprintf(file, "# TYPE gatehouse_%s\n%s", kind, samples[i])
	}
	fmt.Fprint(file, "# EOF\n")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h", file.Name(), filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	proctest.Start(t, exec.Command("prometheus", "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--storage.tsdb.retention.time", "10y", "--web.listen-address", address)).Await(&http.Client{Timeout: 20 * time.Second}, "http://"+address+"/-/ready")

	source, err := archive.New("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, at time.Time, got, want, share float64) {
		t.Helper()
		if math.Abs(got-want) > share*want+1 {
			t.Errorf("%s of %v: %v, want %v", what, at, got, want)
		}
	}
	of := history.Of{API: "shop", Stage: "v1"}
	points, err := source.Series(t.Context(), of, begin.Add(time.Hour), end, day)
	if err != nil || len(points) != 21 {
		t.Fatalf("%d points, %v", len(points), err)
	}
	for i, p := range points {
		want := exact[begin.Add(time.Duration(i)*day).Unix()]
		if !p.At.Equal(begin.Add(time.Duration(i) * day)) {
			t.Fatalf("point %d is at %v", i, p.At)
		}
		near("calls", p.At, float64(p.Count), float64(want.Count), 0.005)
		near("4xx", p.At, float64(p.ClientErrors), 2*288, 0.005)
		near("throttled", p.At, float64(p.Throttled), 288, 0.005)
		near("hits", p.At, float64(p.CacheHits), float64(want.Count)/2, 0.005)
		near("misses", p.At, float64(p.CacheMisses), float64(want.Count)*(1./4+1./6), 0.005)
		near("latencies", p.At, float64(p.Latency.Count()), float64(want.Count), 0.005)
		// Of buckets, quantiles are as exact as the buckets are.
		for q, bucket := range map[float64][2]time.Duration{
			0.1: {5 * time.Millisecond, 10 * time.Millisecond}, 0.7: {25 * time.Millisecond, 50 * time.Millisecond}, 0.99: {250 * time.Millisecond, 500 * time.Millisecond},
		} {
			if got, exact := p.Latency.Quantile(q), want.Latency.Quantile(q); got < bucket[0]*97/100 || got > bucket[1]*103/100 || exact < bucket[0] || exact > bucket[1] {
				t.Errorf("quantile %v of %v: %v, want one of %v, as %v is", q, p.At, got, bucket, exact)
			}
		}
		if p.IntegrationLatency.Count() != 0 || p.ServerErrors != 0 {
			t.Errorf("of nothing: %d, %d", p.IntegrationLatency.Count(), p.ServerErrors)
		}
	}
	// A WebSocket API has messages in place of calls.
	for _, of := range []history.Of{{API: "chat"}, {API: "chat", Stage: "v1", Resource: "say"}} {
		points, err := source.Series(t.Context(), of, begin, end, day)
		if err != nil || len(points) != 21 {
			t.Fatalf("%d points, %v", len(points), err)
		}
		for _, p := range points {
			want := exact[p.At.Unix()]
			near("received", p.At, float64(p.Sockets.Received), float64(want.Count), 0.005)
			near("sent", p.At, float64(p.Sockets.Sent), float64(want.Count)/2, 0.005)
			near("client errors", p.At, float64(p.Sockets.ClientErrors), 2*288, 0.005)
			near("integration latencies", p.At, float64(p.IntegrationLatency.Count()), float64(want.Count), 0.005)
			if p.Count != 0 || p.Sockets.Connects != 0 {
				t.Errorf("of nothing: %d, %d", p.Count, p.Sockets.Connects)
			}
		}
	}
	// All that there is, of a route, of another stage, of nothing; by hours.
	hours := func(of history.Of) (sum float64) {
		points, err := source.Series(t.Context(), of, begin, end, time.Hour)
		if err != nil || len(points) != 21*24 {
			t.Errorf("%d points, %v", len(points), err)
		}
		for _, p := range points {
			sum += float64(p.Count)
		}
		return sum
	}
	near("everything", end, hours(history.Of{}), pets.calls+other.calls, 0.01)
	near("a route", end, hours(history.Of{API: "shop", Stage: "v1", Method: "GET", Resource: "/pets"}), pets.calls, 0.01)
	near("a stage", end, hours(history.Of{API: "shop", Stage: "v2"}), other.calls, 0.01)
	if n := hours(history.Of{API: "shop", Stage: "v1", Method: history.None, Resource: history.None}) + hours(history.Of{API: "shop.*"}); n != 0 {
		t.Errorf("of nothing: %v", n)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	return socket.Addr().String()
}
