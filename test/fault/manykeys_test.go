package fault

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// TestHundredThousandKeys gives each of 100,000 keys a throttle and a quota of its own, from
// a file of definitions: more keys than Envoy has itself. Then one of them is revoked.
func TestHundredThousandKeys(t *testing.T) {
	const keys, burst, quota = 100_000, 3, 5
	// From end to end in any case. With the race detector, a request takes ten times as long.
	sample := 2000
	if proctest.Race {
		sample = 500
	}
	name := func(i int) string { return fmt.Sprintf("key%06d", i) }
	dir, backend, port := t.TempDir(), backendNamed(t, "one"), proctest.FreePort(t)
	replace(t, filepath.Join(dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backend))
	define := func(revoked int) {
		t.Helper()
		var b strings.Builder
		fmt.Fprintf(&b, "gateways: [{name: edge, listeners: [{port: %d, address: 127.0.0.1}]}]\n", port)
		b.WriteString("apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}, {name: v2}]}]\nusagePlans:\n")
		fmt.Fprintf(&b, "  - {name: throttled, keyLabels: {all: keys}, throttle: {rate: 0.0001, burst: %d}, stages: [pets/v1]}\n", burst)
		fmt.Fprintf(&b, "  - {name: counted, keyLabels: {all: keys}, failureMode: closed, quota: {limit: %d, period: MONTH, hard: true}, stages: [pets/v2]}\n", quota)
		b.WriteString("apiKeys:\n")
		for i := range keys {
			fmt.Fprintf(&b, "  - {name: %s, value: %s-key-0123456789-abcd, labels: {all: keys}, enabled: %v}\n", name(i), name(i), i != revoked)
		}
		replace(t, filepath.Join(dir, "gatehouse.yaml"), b.String())
	}
	define(-1)
	xds := localPort(t)
	proctest.Gatehouse(t) // building it takes its time
	begin := time.Now()
	g := launch(t, "serve", "--xds-address", xds, "--data-dir", t.TempDir(), dir).serving()
	loaded := time.Since(begin)
	e := startEnvoy(t, "edge", "edge", xds)
	url := func(stage string) string { return strings.Replace(quotaURL(port), "/v1/", "/"+stage+"/", 1) }
	awaitStatus(t, url("v1"), "nobody", 403)
	t.Logf("definitions are loaded after %v, Envoy answers after %v", loaded, time.Since(begin))
	if loaded > 2*proctest.Patience {
		t.Errorf("definitions took %v to load", loaded)
	}

	// The first uses up its limits, others have theirs, and afterwards the first has none.
	first, last := name(0), name(keys-1)
	passes := func(stage, key string, want int) {
		t.Helper()
		triedAt(t, url(stage), key, want+3).expect(t, want)
	}
	passes("v1", first, burst)
	passes("v2", first, quota)
	const callers = 4
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			c := &client{stream: &stream{target: target{port: port, host: "localhost"}}}
			defer c.close()
			for j := i; j < sample; j += callers {
				// Neighbours, and from end to end.
				key := name(1 + j%100 + j/100*(keys/sample*100))
				for _, stage := range []string{"v1", "v2"} {
					if status, err := c.unlessStalled("/_aws/execute-api/pets/"+stage+"/pets", key); status != 200 {
						t.Errorf("%s with %s: %d %v", stage, key, status, err)
						return
					}
				}
			}
		})
	}
	group.Wait()
	passes("v1", first, 0)
	passes("v2", first, 0)
	passes("v1", last, burst)
	passes("v2", last, quota)

	// On a connection that is open already.
	const revoked = 77_777
	c := &client{stream: &stream{target: target{port: port, host: "localhost"}}}
	defer c.close()
	with := func(i int) int {
		t.Helper()
		status, err := c.unlessStalled("/_aws/execute-api/pets/v2/pets", name(i))
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if status := with(revoked); status != 200 {
		t.Fatalf("before: %d", status)
	}
	conn := c.conn
	define(revoked)
	changed := time.Now()
	// With the race detector, on a busy machine, loading takes many times as long.
	for with(revoked) != 403 {
		if time.Since(changed) > 3*proctest.Patience {
			t.Fatal("a revoked key is not refused")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("refused %v after the change", time.Since(changed))
	if status := with(revoked + 2); status != 200 || c.conn != conn {
		t.Errorf("its neighbour: %d; the same connection: %v", status, c.conn == conn)
	}
	passes("v2", first, 0)

	most := map[string]int{"gatehouse": 1 << 30, "envoy": 1 << 30}
	if proctest.Race {
		most["gatehouse"] *= 8 // the race detector takes several times as much
	}
	for program, p := range map[string]*proctest.Process{"gatehouse": g.Process, "envoy": e.Process} {
		peak := peakMemory(t, p.Pid())
		t.Logf("%s took %d MB at most", program, peak>>20)
		if peak > most[program] {
			t.Errorf("%s took %d MB, want at most %d", program, peak>>20, most[program]>>20)
		}
	}
}

// withKey asks for a path on the client's connection, and gives the status.
func (c *client) withKey(path, key string) (int, error) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.port))
		if err != nil {
			return 0, err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(proctest.Patience)); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nx-api-key: %s-key-0123456789-abcd\r\n\r\n", path, c.host, key); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// unlessStalled asks again, up to twice, when a refusal took so long that a service was not
// asked in time.
func (c *client) unlessStalled(path, key string) (status int, err error) {
	for range 3 {
		begin := time.Now()
		if status, err = c.withKey(path, key); status == 200 || err != nil || time.Since(begin) < stalledAfter {
			break
		}
	}
	return status, err
}

// peakMemory is the most that a process has had in memory, in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) < 1 {
		t.Fatal("the kernel does not say how much memory a process has had")
	}
	kilobytes, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
