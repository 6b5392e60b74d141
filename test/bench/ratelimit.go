package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"gatehouse/internal/cli"
	"gatehouse/test/reference"
)

// programVariable has this program be another, in a process whose CPU can be told from
// that of the load: gatehouse with the arguments that it holds, in lines, or a gRPC
// server that does nothing, at the address after "empty".
const programVariable = "GATEHOUSE_BENCH_PROGRAM"

// beProgram serves until it is killed.
func beProgram(lines string) int {
	args := strings.Split(lines, "\n")
	if args[0] != "empty" {
		return cli.Main(context.Background(), args, cli.Streams{In: strings.NewReader(""), Out: os.Stdout, Err: os.Stderr})
	}
	lis, err := net.Listen("tcp", args[1])
	if err == nil {
		server := grpc.NewServer()
		ratelimitv3.RegisterRateLimitServiceServer(server, emptyLimits{})
		err = server.Serve(lis)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}

// emptyLimits is the least that a rate limit service can do.
type emptyLimits struct {
	ratelimitv3.UnimplementedRateLimitServiceServer
}

func (emptyLimits) ShouldRateLimit(context.Context, *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	return &ratelimitv3.RateLimitResponse{OverallCode: ratelimitv3.RateLimitResponse_OK}, nil
}

const (
	// limitRules is what all services have; nobody ever gets to the limit.
	limitRules = `domain: bench
descriptors:
  - key: path
    descriptors:
      - {key: user, rate_limit: {unit: hour, requests_per_unit: 1000000}}
`
	limitUsers = 10_000
)

// limiter is a rate limit service under load.
type limiter struct {
	name string
	cmd  *exec.Cmd
	// redis is what it counts in, nil for nothing.
	redis *exec.Cmd
	// status is the port of gatehouse's metrics, 0 for another.
	status int
	// clients are connections of Envoys' workers.
	clients                           []ratelimitv3.RateLimitServiceClient
	micros, redisMicros, callsASecond []float64
}

// start runs a program and waits for it to answer at a port.
func (l *limiter) start(cmd *exec.Cmd, port int) (func(), error) {
	l.cmd = cmd
	stop, err := startProgram(cmd)
	if err != nil {
		return nil, err
	}
	var connections []*grpc.ClientConn
	stopAll := func() {
		for _, c := range connections {
			c.Close()
		}
		stop()
	}
	for range 2 {
		conn, err := grpc.NewClient(fmt.Sprint("127.0.0.1:", port), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			stopAll()
			return nil, err
		}
		connections = append(connections, conn)
		l.clients = append(l.clients, ratelimitv3.NewRateLimitServiceClient(conn))
	}
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := l.ask(0, 0)
		if err == nil {
			return stopAll, nil
		}
		if time.Now().After(end) {
			stopAll()
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
	}
}

func (l *limiter) ask(client, user int) error {
	got, err := l.clients[client].ShouldRateLimit(context.Background(), &ratelimitv3.RateLimitRequest{
		Domain: "bench",
		Descriptors: []*commonv3.RateLimitDescriptor{{Entries: []*commonv3.RateLimitDescriptor_Entry{
			{Key: "path", Value: "/pets"}, {Key: "user", Value: fmt.Sprintf("user%05d", user)},
		}}},
	})
	if err != nil {
		return err
	}
	if got.GetOverallCode() != ratelimitv3.RateLimitResponse_OK {
		return fmt.Errorf("the answer is %s", got.GetOverallCode())
	}
	return nil
}

// load makes n calls, so many of them at a time.
func (l *limiter) load(n, atOnce int) error {
	var left atomic.Int64
	left.Store(int64(n))
	errs := make([]error, atOnce)
	var group sync.WaitGroup
	for i := range atOnce {
		group.Go(func() {
			for {
				call := left.Add(-1)
				if call < 0 || errs[i] != nil {
					return
				}
				errs[i] = l.ask(i%len(l.clients), int(call)%limitUsers)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// round adds what n calls cost.
func (l *limiter) round(n, atOnce int, counts bool) error {
	cpu := func(cmd *exec.Cmd) (time.Duration, error) {
		if cmd == nil {
			return 0, nil
		}
		return cpuOf(cmd.Process.Pid)
	}
	service, err := cpu(l.cmd)
	if err != nil {
		return err
	}
	store, err := cpu(l.redis)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := l.load(n, atOnce); err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	took := time.Since(begin)
	serviceAfter, err := cpu(l.cmd)
	if err != nil {
		return err
	}
	storeAfter, err := cpu(l.redis)
	if err != nil {
		return err
	}
	if counts {
		l.micros = append(l.micros, float64((serviceAfter-service).Microseconds())/float64(n))
		l.redisMicros = append(l.redisMicros, float64((storeAfter-store).Microseconds())/float64(n))
		l.callsASecond = append(l.callsASecond, float64(n)/took.Seconds())
	}
	return nil
}

// alone counts answers that were given without Redis, because it did not answer in time.
func (l *limiter) alone() (int, error) {
	if l.status == 0 {
		return 0, nil
	}
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", l.status))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	total := 0
	for line := range strings.Lines(string(page)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(name, "gatehouse_ratelimit_fallback_answers_total{") {
			n, err := strconv.Atoi(value)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return total, nil
}

// valid makes a round again in which more than very few answers were given without Redis, which costs
// less: on a busy machine that happens.
func (l *limiter) valid(n, atOnce int, counts bool) error {
	for range 20 {
		before, err := l.alone()
		if err != nil {
			return err
		}
		kept := len(l.micros)
		if err := l.round(n, atOnce, counts); err != nil {
			return err
		}
		after, err := l.alone()
		if err != nil || after-before <= n/200 {
			return err
		}
		l.micros, l.redisMicros, l.callsASecond = l.micros[:kept], l.redisMicros[:kept], l.callsASecond[:kept]
		time.Sleep(3 * time.Second) // Redis is asked again by then
	}
	return fmt.Errorf("%s: Redis does not answer in time", l.name)
}

// startProgram starts a program that is killed in the end, and also when this one dies:
// then the thread that has started it ends.
func startProgram(cmd *exec.Cmd) (stop func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, nil
}

// startRedis starts a Redis that keeps nothing.
func startRedis(dir string) (cmd *exec.Cmd, address string, stop func(), err error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, "", nil, err
	}
	port := freePort()
	cmd = exec.Command(binary, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir)
	stop, err = startProgram(cmd)
	address = fmt.Sprint("127.0.0.1:", port)
	for end := time.Now().Add(10 * time.Second); err == nil; time.Sleep(20 * time.Millisecond) {
		conn, dialed := net.Dial("tcp", address)
		if dialed == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			stop()
			err = dialed
		}
	}
	return cmd, address, stop, err
}

// measureRateLimit compares what answers to Envoys' questions cost: a server that does
// nothing, gatehouse by a file of the reference service, and that service itself, if its
// binary is given. The load has two connections, as an Envoy with two workers.
func measureRateLimit(size effort, w *tabwriter.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	rules := filepath.Join(dir, "config", "bench.yaml")
	if err := errors.Join(os.Mkdir(filepath.Dir(rules), 0o755), os.WriteFile(rules, []byte(limitRules), 0o644)); err != nil {
		return err
	}
	var list []*limiter
	add := func(l *limiter, cmd *exec.Cmd, port int) (func(), error) {
		stop, err := l.start(cmd, port)
		if err == nil {
			list = append(list, l)
		}
		return stop, err
	}
	self := func(args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), programVariable+"="+strings.Join(args, "\n"))
		return cmd
	}
	gatehouse := func(port, status int, more ...string) *exec.Cmd {
		return self(append([]string{"serve", "--roles", "ratelimit", "--ratelimit-config", rules, "--xds-address", fmt.Sprint("127.0.0.1:", port),
			"--http-address", fmt.Sprint("127.0.0.1:", status), "--log-level", "error", "--data-dir", filepath.Join(dir, fmt.Sprint(port))}, more...)...)
	}

	port := freePort()
	stop, err := add(&limiter{name: "gRPC server that does nothing"}, self("empty", fmt.Sprint("127.0.0.1:", port)), port)
	if err != nil {
		return err
	}
	defer stop()
	port = freePort()
	if stop, err = add(&limiter{name: "gatehouse, in memory"}, gatehouse(port, 0), port); err != nil {
		return err
	}
	defer stop()
	redis, address, stop, err := startRedis(dir)
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	defer stop()
	port = freePort()
	status := freePort()
	if stop, err = add(&limiter{name: "gatehouse, Redis", redis: redis, status: status}, gatehouse(port, status, "--redis-url", "redis://"+address), port); err != nil {
		return err
	}
	defer stop()
	if reference.Binary() != "" {
		port = freePort()
		cmd := reference.Command(dir, address, reference.Ports{GRPC: port, HTTP: freePort(), Debug: freePort()})
		if stop, err = add(&limiter{name: "reference service, Redis", redis: redis}, cmd, port); err != nil {
			return err
		}
		defer stop()
	}

	// Short rounds, of which one that does not count is soon made again.
	calls := min(size.requests, 8_000)
	for _, atOnce := range []int{size.connections, 8 * size.connections} {
		for round := range 2*size.rounds + 1 {
			for _, l := range list {
				if err := l.valid(calls, atOnce, round > 0); err != nil { // the first warms up
					return err
				}
			}
		}
		fmt.Fprintf(w, "ShouldRateLimit, %d calls at a time\tCPU a call\tof Redis\tcalls a second\tCPU, ratio\n", atOnce)
		last := list[len(list)-1]
		for _, l := range list {
			fmt.Fprintf(w, "%s\t%.1f µs\t%.1f µs\t%.0f\t%.2f x\n", l.name, median(l.micros), median(l.redisMicros), median(l.callsASecond), median(l.micros)/median(last.micros))
		}
		for _, l := range list {
			l.micros, l.redisMicros, l.callsASecond = nil, nil, nil
		}
	}
	if reference.Binary() == "" {
		fmt.Fprintf(w, "%s names no binary of the reference service, so that is not beside it\n", reference.Variable)
	}
	return nil
}
