package fault

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"gatehouse/internal/proctest"
	"gatehouse/translator"
	"gatehouse/xds"
)

// earlierVersion is a definition, and what an earlier version of Gatehouse has made of it: that
// of November 26th 2026 (029dbbd), by
//
//	gatehouse translate -o json --show-secrets
//
// without what localhost needs. It let keys in by another filter than versions since then do.
const earlierVersion = "testdata/earlier-version"

// An earlierSite is that definition with the test's own ports.
type earlierSite struct {
	dir  string
	port int
	// own puts the ports in.
	own *strings.Replacer
}

func newEarlierSite(t *testing.T) *earlierSite {
	t.Helper()
	s := &earlierSite{dir: t.TempDir(), port: proctest.FreePort(t)}
	_, backend, err := net.SplitHostPort(backendNamed(t, "one"))
	if err != nil {
		t.Fatal(err)
	}
	s.own = strings.NewReplacer("18080", strconv.Itoa(s.port), "19101", backend)
	for _, file := range []string{"gatehouse.yaml", "shop.openapi.yaml"} {
		write(t, filepath.Join(s.dir, file), s.own.Replace(read(t, filepath.Join(earlierVersion, file))))
	}
	return s
}

// serveEarlier serves Envoys as the earlier version did, until stop.
func (s *earlierSite) serveEarlier(t *testing.T, address string) (stop func()) {
	t.Helper()
	var recorded map[string][]json.RawMessage
	if err := json.Unmarshal([]byte(s.own.Replace(read(t, filepath.Join(earlierVersion, "envoy.json")))), &recorded); err != nil {
		t.Fatal(err)
	}
	resources := translator.Resources{}
	for kind, of := range map[string]proto.Message{
		"listeners": &listenerv3.Listener{}, "scopedRoutes": &routev3.ScopedRouteConfiguration{}, "routes": &routev3.RouteConfiguration{},
		"clusters": &clusterv3.Cluster{}, "extensions": &corev3.TypedExtensionConfig{},
	} {
		byName := map[string]proto.Message{}
		for _, text := range recorded[kind] {
			m := of.ProtoReflect().New().Interface()
			if err := protojson.Unmarshal(text, m); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			byName[m.(interface{ GetName() string }).GetName()] = m
		}
		resources["type.googleapis.com/"+string(of.ProtoReflect().Descriptor().FullName())] = byName
	}
	x, g := xds.New(xds.Options{}), grpc.NewServer()
	x.Register(g)
	if err := x.Set(t.Context(), xds.Revision{ID: "earlier", Gateways: map[string]xds.Resources{"edge": resources}}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.Serve(l) }()
	stop = func() { g.Stop(); x.Close() }
	t.Cleanup(stop)
	return stop
}

func (s *earlierSite) target(path string) target {
	return target{port: s.port, host: "shop.example.com", path: path, answers: []string{"one"}}
}

// An openConnection stays open for as long as Envoy lets it.
type openConnection struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (s *earlierSite) connect(t *testing.T) *openConnection {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &openConnection{t, conn, bufio.NewReader(conn)}
}

// ask makes a request with an API key, and gives the answer's status and whether the connection
// is still to be used.
func (c *openConnection) ask(path, key string) (code int, open bool) {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(proctest.Patience))
	fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: shop.example.com\r\nx-api-key: %s\r\n\r\n", path, key)
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	return answer.StatusCode, !answer.Close
}

// TestUpgradeKeepsChecks has a control plane of today's take the place of an earlier version's.
// Connections that are open have the chain of filters of that one for as long as they last, and
// today's routes with it: what those routes ask of filters has to hold there, too.
func TestUpgradeKeepsChecks(t *testing.T) {
	t.Parallel()
	const acme, initech = "acme-example-key-0001", "initech-example-key-0001"
	s := newEarlierSite(t)
	xdsAddress := localPort(t)
	stop := s.serveEarlier(t, xdsAddress)
	startEnvoy(t, "envoy", "edge", xdsAddress)
	awaitHost(t, s.port, "shop.example.com", "/v1/things")

	// Envoy closes a connection that is used a lot soon after its listener has changed, and one
	// that is not used late: there are enough for some to be left.
	var refused, throttled []*openConnection
	for range 10 {
		refused, throttled = append(refused, s.connect(t)), append(throttled, s.connect(t))
	}
	for _, c := range refused {
		if code, _ := c.ask("/v1/keyed", initech); code != 403 {
			t.Fatalf("by the earlier version, a key of another stage's plan gets %d, want 403", code)
		}
	}
	codes := map[int]int{}
	for _, c := range throttled {
		code, _ := c.ask("/v1/keyed", acme)
		codes[code]++
	}
	if codes[200] != 2 || codes[429] != 8 {
		t.Fatalf("by the earlier version, a key with two tokens gets %v", codes)
	}
	traffic := load(t, s.target("/v1/things"))

	stop()
	traffic.goesOn()
	g := launch(t, "serve", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), s.dir).serving()
	upgraded := g.acked().Serving.Revision
	traffic.goesOn()

	// check asks by each connection that is left, and counts what the key with a throttle gets.
	check := func(when string) map[int]int {
		t.Helper()
		codes := map[int]int{}
		for _, c := range []*[]*openConnection{&refused, &throttled} {
			var left []*openConnection
			for _, conn := range *c {
				key := acme
				if c == &refused {
					key = initech
				}
				code, open := conn.ask("/v1/keyed", key)
				if c == &throttled {
					codes[code]++
				} else if code != 403 {
					t.Errorf("%s, a key of another stage's plan gets %d on an open connection, want 403", when, code)
				}
				if open {
					left = append(left, conn)
				}
			}
			*c = left
		}
		if len(refused) == 0 || len(throttled) == 0 {
			t.Fatalf("%s, no connection is left", when)
		}
		return codes
	}
	// Where they go there is another bucket, which begins full.
	if codes := check("after the upgrade"); codes[200] > 2 || codes[200]+codes[429] != 10 {
		t.Errorf("a key with two tokens gets %v on open connections after the upgrade", codes)
	}

	// A change of the gateway that changes the chain is the same once more.
	file := filepath.Join(s.dir, "gatehouse.yaml")
	replace(t, file, strings.Replace(read(t, file), "listeners:", "telemetry: true\n    listeners:", 1))
	eventually(t, "the change is taken", func() bool { return g.acked().Serving.Revision != upgraded })
	traffic.goesOn()
	check("after a change")
	traffic.end()
}

// awaitHost waits until a host answers 200.
func awaitHost(t *testing.T, port int, host, path string) {
	t.Helper()
	eventually(t, host+" answers", func() bool {
		req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}
