package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"gatehouse/gateway"
)

// A contestant is one configuration under load.
type contestant struct {
	name       string
	envoy      *envoy
	port       int
	host, path string
	// headers are lines that every request has besides.
	headers []string
	// body is what each request sends, "" for nothing.
	body string
	// with is a service whose CPU counts, too; nil for none.
	with *service
	// costs are what a request took in each heat.
	costs []float64
}

// spent is what was used so far: microseconds of CPU time, or thousands of instructions.
func (c *contestant) spent() (float64, error) {
	if counting {
		return c.envoy.countedSoFar()
	}
	used, err := c.envoy.cpu()
	if err == nil && c.with != nil {
		var more time.Duration
		more, err = cpuOf(c.with.cmd.Process.Pid)
		used += more
	}
	return float64(used.Nanoseconds()) / 1000, err
}

// wanted are the names of contestants that run, beside the first ones of comparisons.
var wanted = regexp.MustCompile("")

// ready waits until it answers as it is to, after a start of its Envoy.
func (c *contestant) ready() (err error) {
	for end := time.Now().Add(startPatience()); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = load(c.port, c.host, c.path, c.headers, c.body, 200, 1, 1); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// restart gives them new Envoys, of which some may share one.
func restart(list []*contestant) error {
	var done []*envoy
	for _, c := range list {
		if slices.Contains(done, c.envoy) {
			continue
		}
		if err := c.envoy.restart(); err != nil {
			return err
		}
		done = append(done, c.envoy)
	}
	for _, c := range list {
		if err := c.ready(); err != nil {
			return err
		}
	}
	return nil
}

// heats are the parts that a round is run in. The machine's speed changes within seconds,
// so contestants take turns more often than that, and each is held against the first one's
// part of the same time.
const heats = 5

// compete runs interleaved rounds and prints CPU per request, the first contestant
// being the measure of the others: the median of the ratios of all pairs, and between
// which half of them are. With quartiles that are far apart, a figure says little. Each
// round has Envoys of its own: by where a process happens to have its memory, it takes
// some hundredths more or less than another of the same configuration, all its life.
func compete(size effort, w *tabwriter.Writer, list []*contestant) error {
	unit := "µs"
	if counting {
		unit = "thousand instructions"
	}
	first := list[0]
	list = slices.DeleteFunc(list, func(c *contestant) bool {
		// Instructions of services are not counted.
		return counting && c.with != nil || c != first && !wanted.MatchString(c.name)
	})
	for round := range size.rounds {
		if round > 0 {
			if err := restart(list); err != nil {
				return err
			}
		}
		for _, c := range list { // warms up
			if _, err := c.run(size.warmUp(), size.connections); err != nil {
				return err
			}
		}
		for heat := range heats {
			for i := range list {
				// Nobody always runs after the same one.
				c := list[i]
				if (round*heats+heat)%2 == 1 {
					c = list[len(list)-1-i]
				}
				cost, err := c.run(size.requests/heats, size.connections)
				if err != nil {
					return err
				}
				c.costs = append(c.costs, cost)
			}
		}
	}
	for i, c := range list {
		if i == 0 {
			fmt.Fprintf(w, "%s\t%.1f %s\t1\n", c.name, median(c.costs), unit)
			continue
		}
		fmt.Fprintf(w, "%s\t%.1f %s\t%s\n", c.name, median(c.costs), unit, ratiosOf(c.costs, list[0].costs))
	}
	return w.Flush() // What is known is told at once.
}

// run has a number of requests answered, and gives what each has cost.
func (c *contestant) run(requests, connections int) (float64, error) {
	before, err := c.spent()
	if err != nil {
		return 0, err
	}
	if err := load(c.port, c.host, c.path, c.headers, c.body, 200, requests, connections); err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	after, err := c.spent()
	return (after - before) / float64(requests), err
}

// ratios are the median of some pairs' ratios, and their quartiles.
type ratios struct{ lower, median, upper float64 }

// ratiosOf compares what was measured in turn.
func ratiosOf(some, base []float64) ratios {
	var all []float64
	for i := range some {
		all = append(all, some[i]/base[i])
	}
	slices.Sort(all)
	return ratios{all[len(all)/4], median(all), all[len(all)*3/4]}
}

func (r ratios) String() string {
	return fmt.Sprintf("%.3f x (%.3f to %.3f)", r.median, r.lower, r.upper)
}

// measureProxy compares a plain proxy through our configuration with a hand-written
// one.
func measureProxy(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	plainPort := freePort()
	plain, err := startEnvoy(minimalConfig(plainPort, backend))
	if err != nil {
		return err
	}
	defer plain.stop()
	restPort, httpPort := freePort(), freePort()
	restByHand, err := startEnvoy(sameJobConfig(restPort, backend, gateway.REST))
	if err != nil {
		return err
	}
	defer restByHand.stop()
	httpByHand, err := startEnvoy(sameJobConfig(httpPort, backend, gateway.HTTP))
	if err != nil {
		return err
	}
	defer httpByHand.stop()
	proxy := func(r gateway.Route) gateway.Route {
		r.Integration = &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + backend + r.Integration.URI}
		return r
	}
	uri := func(path string) *gateway.Integration { return &gateway.Integration{URI: path} }
	rest := &gateway.Deployment{Routes: []gateway.Route{
		proxy(gateway.Route{Method: "GET", Path: "/pets", Integration: uri("/pets")}),
		proxy(gateway.Route{Method: "GET", Path: "/pets/{id}", Integration: uri("/pets/{id}")}),
		proxy(gateway.Route{Method: "ANY", Path: "/any/{proxy+}", Integration: uri("/{proxy}")}),
	}}
	http := &gateway.Deployment{Routes: []gateway.Route{proxy(gateway.Route{Method: "ANY", Path: gateway.DefaultRoute, Integration: uri("")})}}
	mapped := proxy(gateway.Route{Method: "GET", Path: "/mapped/{id}", Integration: uri("/pets/{id}")})
	mapped.Integration.RequestParameters = []gateway.ParameterMapping{{Target: "integration.request.header.x-id", Source: "method.request.path.id"}, {Target: "integration.request.header.x-a", Source: "'a'"}}
	constant := proxy(gateway.Route{Method: "GET", Path: "/constant/{id}", Integration: uri("/pets/{id}")})
	constant.Integration.RequestParameters = []gateway.ParameterMapping{{Target: "integration.request.header.x-a", Source: "'a'"}, {Target: "integration.request.header.x-b", Source: "'b'"}}
	rest.Routes = append(rest.Routes, mapped, constant)
	g, err := startGatehouse(&gateway.Snapshot{APIs: []gateway.API{
		{ID: "rest", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: rest}}},
		{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: http}}},
	}})
	if err != nil {
		return err
	}
	defer g.stop()
	if err := waitServing(g.port, "http.execute-api.localhost", "/", 200); err != nil {
		return err
	}
	if err := waitServing(plainPort, "http.execute-api.localhost", "/", 200); err != nil {
		return err
	}
	fmt.Fprintln(w, "plain proxy\tEnvoy CPU a request\tratio")
	if err := compete(size, w, []*contestant{
		{name: "hand-written minimal Envoy", envoy: plain, port: plainPort, host: "http.execute-api.localhost", path: "/pets"},
		{name: "HTTP API, $default route", envoy: g.envoy, port: g.port, host: "http.execute-api.localhost", path: "/pets"},
		{name: "REST API, literal path", envoy: g.envoy, port: g.port, host: "rest.execute-api.localhost", path: "/v1/pets"},
		{name: "REST API, {id}", envoy: g.envoy, port: g.port, host: "rest.execute-api.localhost", path: "/v1/pets/42"},
		{name: "REST API, ANY {proxy+}", envoy: g.envoy, port: g.port, host: "rest.execute-api.localhost", path: "/v1/any/a/b"},
		{name: "REST API, two constant headers", envoy: g.envoy, port: g.port, host: "rest.execute-api.localhost", path: "/v1/constant/42"},
		{name: "REST API, two mapped headers", envoy: g.envoy, port: g.port, host: "rest.execute-api.localhost", path: "/v1/mapped/42"},
	}); err != nil {
		return err
	}
	// What the configuration has for the sake of other routes and features is the rest.
	fmt.Fprintln(w, "against Envoys configured by hand for the same job\tEnvoy CPU a request\tratio")
	if err := compete(size, w, []*contestant{
		{name: "by hand: what an HTTP API does", envoy: httpByHand, port: httpPort, host: "http.execute-api.localhost", path: "/pets"},
		{name: "HTTP API, $default route", envoy: g.envoy, port: g.port, host: "http.execute-api.localhost", path: "/pets"},
	}); err != nil {
		return err
	}
	return compete(size, w, []*contestant{
		{name: "by hand: what a REST API does", envoy: restByHand, port: restPort, host: "rest.execute-api.localhost", path: "/v1/pets"},
		{name: "REST API, literal path", envoy: g.envoy, port: g.port, host: "rest.execute-api.localhost", path: "/v1/pets"},
	})
}

// manyRoutes is count routes of one API, two variables each.
func manyRoutes(count int, backend, prefix string) *gateway.Deployment {
	d := &gateway.Deployment{}
	for i := range count {
		d.Routes = append(d.Routes, gateway.Route{Method: "GET", Path: fmt.Sprintf("/%s%05d/{id}/parts/{part}", prefix, i),
			Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: fmt.Sprintf("http://%s/%s%05d/{id}/{part}", backend, prefix, i)}})
	}
	return d
}

// measureRoutes compares the only route of a gateway with the last of 10,000.
func measureRoutes(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintln(w, "number of routes\tEnvoy CPU a request\tratio")
	var list []*contestant
	for _, count := range []int{1, 1000, 10_000} {
		g, err := startGatehouse(&gateway.Snapshot{APIs: []gateway.API{{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: manyRoutes(count, backend, "r")}}}}})
		if err != nil {
			return err
		}
		defer g.stop()
		path := fmt.Sprintf("/v1/r%05d/42/parts/7", count-1)
		if err := waitServing(g.port, "r.execute-api.localhost", path, 200); err != nil {
			return err
		}
		list = append(list, &contestant{name: fmt.Sprintf("last of %d routes", count), envoy: g.envoy, port: g.port, host: "r.execute-api.localhost", path: path})
	}
	return compete(size, w, list)
}

// measureChange times a cold start and a one-route change at 10,000 routes over 200
// hosts.
func measureChange(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	build := func() *gateway.Snapshot {
		s := &gateway.Snapshot{}
		for i := range 200 {
			s.APIs = append(s.APIs, gateway.API{ID: fmt.Sprintf("api%03d", i), Protocol: gateway.REST,
				Stages: []gateway.Stage{{Name: "v1", Deployment: manyRoutes(50, backend, fmt.Sprintf("a%03d", i)).Seal()}}})
		}
		return s
	}
	snapshot := build()
	start := time.Now()
	g, err := startGatehouse(snapshot)
	if err != nil {
		return err
	}
	defer g.stop()
	if err := waitServing(g.port, "api199.execute-api.localhost", "/v1/a19900049/1/parts/2", 200); err != nil {
		return err
	}
	cold := time.Since(start)
	runtime.GC()

	var took, bytes []float64
	for round := range 2*size.rounds + 1 {
		path := fmt.Sprintf("/new%d", round)
		if err := waitServing(g.port, "api100.execute-api.localhost", "/v1"+path, 403); err != nil {
			return err
		}
		changed := *snapshot
		changed.APIs = append([]gateway.API(nil), snapshot.APIs...)
		d := manyRoutes(50, backend, "a100")
		d.Routes[49].Path = path
		d.Routes[49].Integration = &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + backend + "/new"}
		changed.APIs[100].Stages = []gateway.Stage{{Name: "v1", Deployment: d}}
		before, begin := g.sent.bytes.Load(), time.Now()
		if err := g.apply(&changed); err != nil {
			return err
		}
		if err := waitServing(g.port, "api100.execute-api.localhost", "/v1"+path, 200); err != nil {
			return err
		}
		took = append(took, float64(time.Since(begin).Microseconds())/1000)
		bytes = append(bytes, float64(g.sent.bytes.Load()-before)/1024)
		snapshot = &changed
	}
	fmt.Fprintln(w, "10,000 routes over 200 hosts\t\t")
	fmt.Fprintf(w, "from nothing to serving (Envoy's start included)\t%d ms\t\n", cold.Milliseconds())
	fmt.Fprintf(w, "one route changed, translated and served\t%.1f ms\t\n", median(took))
	fmt.Fprintf(w, "sent for it\t%.1f KiB\t\n", median(bytes))
	fmt.Fprintf(w, "memory of the control plane (and this program)\t%d MiB\t\n", rss(os.Getpid())>>20)
	fmt.Fprintf(w, "memory of Envoy\t%d MiB\t\n", rss(g.cmd.Process.Pid)>>20)
	return nil
}
