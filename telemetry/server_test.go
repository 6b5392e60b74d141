package telemetry

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/outputtest"
)

func toStdout(format string) *gateway.StageAccessLog {
	return &gateway.StageAccessLog{Format: format, Destination: gateway.DestinationStdout}
}

// TestMetrics holds what is counted, under which labels, and that no label is of a
// client's making.
func TestMetrics(t *testing.T) {
	h := newHarness(t, Options{})
	h.Swap(h.Compile(snapshot(nil)))
	route := map[string]string{"api_id": "shop", "api_name": "The Shop", "stage": "v1", "method": "GET", "resource": "/pets/{id}"}
	failed := entry("shop", "v1", "GET /pets/{id}")
	failed.Status = "502"
	refused := entry("shop", "v1", "GET /pets/{id}")
	refused.Status, refused.IntegrationTook = "429", ""
	// Times never go back, whatever a clock does.
	odd := entry("shop", "v1", "GET /pets/{id}")
	odd.Took, odd.IntegrationTook, odd.began = "-3600000000", "-3600000000", time.Unix(-1<<40, 0)
	h.tell(entry("shop", "v1", "GET /pets/{id}"), failed, refused, odd, entry("shop", "v1", "no route"), entry("web", gateway.DefaultStage, "ANY /f"),
		entry("shop", "gone", "GET /x"), entry("", "", ""), &logEntry{})
	for _, c := range []struct {
		name   string
		labels map[string]string
		want   float64
	}{
		{"gatehouse_apigateway_count_total", route, 4},
		{"gatehouse_apigateway_4xx_total", route, 1},
		{"gatehouse_apigateway_5xx_total", route, 1},
		{"gatehouse_apigateway_latency_seconds", route, 0.060},
		{"gatehouse_apigateway_integration_latency_seconds", route, 0.024},
		{"gatehouse_apigateway_data_processed_bytes_total", route, 0},
		{"gatehouse_apigateway_count_total", map[string]string{"api_id": "shop", "resource": ""}, 1},
		{"gatehouse_apigateway_count_total", map[string]string{"api_id": "web", "method": "ANY", "resource": "/f"}, 1},
		{"gatehouse_apigateway_data_processed_bytes_total", map[string]string{"api_id": "web"}, 200},
		{"gatehouse_telemetry_requests_total", map[string]string{"result": "stage"}, 6},
		{"gatehouse_telemetry_requests_total", map[string]string{"result": "unknown-stage"}, 1},
		{"gatehouse_telemetry_requests_total", map[string]string{"result": "no-stage"}, 2},
	} {
		if got, _ := h.metric(t, c.name, c.labels); fmt.Sprintf("%.4f", got) != fmt.Sprintf("%.4f", c.want) {
			t.Errorf("%s%v is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}

// TestMaxSeries holds that there are no more series than there may be, that nothing goes
// uncounted for it, and that series of what is gone are forgotten.
func TestMaxSeries(t *testing.T) {
	h := newHarness(t, Options{MaxSeries: 5})
	s := snapshot(nil)
	d := &gateway.Deployment{Protocol: gateway.REST}
	for i := range 10 {
		d.Routes = append(d.Routes, gateway.Route{Method: "GET", Path: fmt.Sprintf("/r%d", i)})
	}
	big := gateway.API{ID: "big", Protocol: gateway.REST}
	for i := range 4 {
		big.Stages = append(big.Stages, gateway.Stage{Name: fmt.Sprint(i), Deployment: d, DetailedMetrics: true})
	}
	both := &gateway.Snapshot{APIs: []gateway.API{s.APIs[0], big}}
	both.Seal()
	h.Swap(h.Compile(both))
	for i := range 4 {
		for j := range 10 {
			h.tell(entry("big", fmt.Sprint(i), fmt.Sprintf("GET /r%d", j)), entry("big", fmt.Sprint(i), fmt.Sprintf("/made/up/%d", j)))
		}
	}
	got, series := h.metric(t, "gatehouse_apigateway_count_total", nil)
	// Five, and for each stage one for the others of it at most, and one for all others.
	if got != 80 || series > 5+4+1 {
		t.Errorf("%v requests were counted in %d series", got, series)
	}
	// Those of the revision before are still told about; then they are gone.
	alone := &gateway.Snapshot{APIs: s.APIs[:1]}
	alone.Seal()
	h.Swap(h.Compile(alone))
	if _, series := h.metric(t, "gatehouse_apigateway_count_total", map[string]string{"api_id": "big"}); series == 0 {
		t.Error("series are forgotten too early")
	}
	h.tell(entry("big", "0", "GET /r0"))
	h.Swap(h.Compile(alone))
	if _, series := h.metric(t, "gatehouse_apigateway_count_total", map[string]string{"api_id": "big"}); series != 0 {
		t.Errorf("there are still %d series", series)
	}
}

// failing writes so many bytes, and then nothing.
type failing struct {
	outputtest.Buffer
	room int
	fail sync.Mutex
}

func (f *failing) Write(p []byte) (int, error) {
	f.fail.Lock()
	defer f.fail.Unlock()
	if len(p) <= f.room {
		f.room -= len(p)
		return f.Buffer.Write(p)
	}
	n, _ := f.Buffer.Write(p[:f.room])
	f.room = 0
	return n, errors.New("no space left on device")
}

// TestFullDisk holds that what cannot be written is counted, and told once a minute, and that
// lines stand alone when there is room again, which is told, too.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &failing{room: 25}
		h := newHarness(t, Options{Stdout: out})
		h.Swap(h.Compile(snapshot(toStdout("0123456 $context.requestId"))))
		line := entry("shop", "v1", "GET /pets/{id}")
		for range 5 {
			h.tell(line)
			h.written(t)
		}
		out.fail.Lock()
		out.room = 1000
		out.fail.Unlock()
		h.tell(line)
		h.written(t)
		const whole = "0123456 id-1\n"
		if want := whole + whole[:12] + "\n" + whole; out.String() != want {
			t.Errorf("written was %q, want %q", out.String(), want)
		}
		for result, want := range map[string]float64{"written": 2, "lost": 4, "dropped": 0} {
			if got, _ := h.metric(t, "gatehouse_telemetry_log_lines_total", map[string]string{"result": result}); got != want {
				t.Errorf("%v lines were %s, want %v", got, result, want)
			}
		}
		h.told(t, 4, "no space left", 1)
		for range 2 {
			time.Sleep(tellEvery)
			h.told(t, 4, "no space left", 2)
		}
		if n := strings.Count(h.log.String(), "written again"); n != 1 {
			t.Errorf("that lines are written again was told %d times:\n%s", n, h.log)
		}
	})
}

// told checks that so many missing lines are told of at most, in so many lines of the log,
// which add up where there are two.
func (h *harness) told(t *testing.T, lines int, why string, times int) {
	t.Helper()
	synctest.Wait()
	sum := 0
	all := regexp.MustCompile(`lines of a log are lost.* lines=(\d+) error="`+why).FindAllStringSubmatch(h.log.String(), -1)
	for _, m := range all {
		n, _ := strconv.Atoi(m[1])
		sum += n
	}
	if len(all) != times || sum > lines || times > 1 && sum != lines {
		t.Errorf("%d lines were told of, in %d lines, want %d in %d:\n%s", sum, len(all), lines, times, h.log)
	}
}

// stuck never gets anything written until it is let go.
type stuck struct {
	outputtest.Buffer
	letGo chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.letGo
	return s.Buffer.Write(p)
}

// TestSlowDestination holds that a destination which takes nothing keeps nobody waiting,
// and no more memory than it may have, and that it is told of.
func TestSlowDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{letGo: make(chan struct{})}
		h := newHarness(t, Options{Stdout: out, MaxBuffered: 10_000})
		h.Swap(h.Compile(snapshot(toStdout("$context.requestId " + strings.Repeat("x", 88)))))
		for range 1000 {
			h.tell(entry("shop", "v1", "GET /pets/{id}"))
		}
		time.Sleep(tellEvery)
		// Each line has 94 bytes.
		const room = 10_000 / 94
		h.told(t, 1000-room, "more of them come than it takes", 2)
		close(out.letGo)
		h.written(t)
		written, _ := h.metric(t, "gatehouse_telemetry_log_lines_total", map[string]string{"result": "written"})
		dropped, _ := h.metric(t, "gatehouse_telemetry_log_lines_total", map[string]string{"result": "dropped"})
		if n := strings.Count(out.String(), "\n"); written+dropped != 1000 || float64(n) != written || n != room {
			t.Errorf("%v lines were written, %v dropped; there are %d", written, dropped, n)
		}
	})
}

// TestCollectorHasRoomOnce holds that logs which go to one collector share what may wait for it.
func TestCollectorHasRoomOnce(t *testing.T) {
	letGo := make(chan struct{})
	out := &stuck{letGo: letGo}
	h := newHarness(t, Options{MaxBuffered: 10_000, Collector: func(_, _, _ string) io.Writer { return out }})
	s := snapshot(&gateway.StageAccessLog{Format: "$context.requestId " + strings.Repeat("x", 88), Destination: gateway.DestinationOTLP})
	h.Swap(h.Compile(s))
	for range 200 {
		h.tell(entry("shop", "v1", "GET /pets/{id}"), entry("web", gateway.DefaultStage, "GET /pets/{id}"))
	}
	close(letGo)
	h.written(t)
	if n := strings.Count(out.String(), "\n"); n != 10_000/94 {
		t.Errorf("%d lines have waited for a collector, want %d", n, 10_000/94)
	}
}

// TestFiles holds that a file is begun when there is a line, that another is begun when
// it is full, and that only so many are kept.
func TestFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logs", "access.log")
	h := newHarness(t, Options{})
	log := &gateway.StageAccessLog{Format: "$context.requestId " + strings.Repeat("x", 1000), Destination: file, MaxBytes: 1 << 20, MaxFiles: 2}
	h.Swap(h.Compile(snapshot(log)))
	if _, err := os.Stat(filepath.Dir(file)); !os.IsNotExist(err) {
		t.Errorf("something is there before there is a line: %v", err)
	}
	entries := slices.Repeat([]*logEntry{entry("shop", "v1", "GET /pets/{id}")}, 1000)
	for range 6 {
		h.tell(entries...)
		h.written(t)
		time.Sleep(5 * time.Millisecond) // old files are named by the millisecond
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.log"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 3 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("there are %d files", len(files))
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || info.Size() > 1<<20 {
		t.Errorf("%v %v", info, err)
	}
	if got, _ := h.metric(t, "gatehouse_telemetry_log_lines_total", map[string]string{"result": "written", "destination": file}); got != 6000 {
		t.Errorf("%v lines were written", got)
	}
}

// TestSwap holds that requests are understood by the revision before as long as Envoys
// may have it, and that a swap can be taken back.
func TestSwap(t *testing.T) {
	h := newHarness(t, Options{})
	h.Swap(h.Compile(snapshot(toStdout("one $context.requestId"))))
	back := h.Swap(h.Compile(snapshot(toStdout("two $context.requestId"))))
	h.tell(entry("shop", "v1", "GET /pets/{id}"))
	back()
	h.tell(entry("shop", "v1", "GET /pets/{id}"))
	none := &gateway.Snapshot{}
	none.Seal()
	h.Swap(h.Compile(none))
	h.tell(entry("shop", "v1", "GET /pets/{id}"))
	h.Swap(h.Compile(none))
	h.tell(entry("shop", "v1", "GET /pets/{id}"))
	if got, want := h.written(t), "two id-1\none id-1\none id-1\n"; got != want {
		t.Errorf("written was %q, want %q", got, want)
	}
}

// TestRevisionOfARoute holds that the newest revision that knows a route understands what is
// told of it, a request as well as an event, and that the newest that knows the stage does
// where none knows the route.
func TestRevisionOfARoute(t *testing.T) {
	h := newHarness(t, Options{})
	with := func(name, route string) *Compiled {
		s := &gateway.Snapshot{APIs: []gateway.API{{ID: "chat", Name: name, Protocol: gateway.WebSocket, Stages: []gateway.Stage{{
			Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.WebSocket, Routes: []gateway.Route{{Path: "say"}, {Path: route}}},
		}}}}}
		return h.Compile(s.Seal())
	}
	before, now := with("before", "old"), with("now", "new")
	h.Swap(before)
	h.Swap(now)
	for _, c := range []struct {
		stage, route string
		want         *Compiled
		known        bool
	}{
		{"v1", "say", now, true}, {"v1", "new", now, true}, {"v1", "old", before, true},
		{"v1", "never", now, false}, {"v1", "", now, false}, {"v2", "say", nil, false},
	} {
		r := h.serving.Load().request(entry("chat", c.stage, c.route))
		if r.compiled != c.want || (r.route != nil) != c.known || (r.stage != nil) != (c.want != nil) {
			t.Errorf("%s %s: by %p, a route: %v; want %p (before %p, now %p)", c.stage, c.route, r.compiled, r.route != nil, c.want, before, now)
		}
	}
	told := said()
	told.Route = "old"
	h.Happened(told)
	if n, _ := h.metric(t, "gatehouse_apigateway_websocket_message_count_total", map[string]string{"api_name": "before"}); n != 1 {
		t.Errorf("the event of a route that is gone was counted %v times as the revision before has it", n)
	}
}
