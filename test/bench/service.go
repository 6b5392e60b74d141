package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/encoded"
	"gatehouse/internal/wire"
	"gatehouse/translator"
	"gatehouse/xds"
)

// serviceVariable has this program be the authorization service, in a process whose CPU
// can be told from that of the load. It holds a callersInput as JSON.
const serviceVariable = "GATEHOUSE_BENCH_SERVICE"

// callersInput is what the definition of measureCallers depends on, and how it is served.
type callersInput struct {
	Backend, Issuer, Keys, Function, Introspection string
	// Empty has a service answer that does nothing.
	Empty bool
	// Socket is where the whole control plane is to serve an Envoy that listens at Port, as
	// "gatehouse run" does; "" for the authorization service alone, at a port.
	Socket string
	Port   int
}

func (in callersInput) snapshot() *gateway.Snapshot {
	return callers(in.Backend, in.Issuer, in.Keys, in.Function, in.Introspection)
}

// beService serves until its input ends.
func beService(input string) error {
	var in callersInput
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		return err
	}
	if file := os.Getenv(profileVariable); file != "" && !in.Empty && in.Socket == "" {
		stop, err := profile(file)
		if err != nil {
			return err
		}
		defer stop()
	}
	server := grpc.NewServer(append(xds.ServerOptions(), encoded.ServerOption())...)
	defer server.Stop()
	if in.Empty {
		authv3.RegisterAuthorizationServer(server, emptyAuthorization{})
	} else {
		snapshot := in.snapshot()
		if in.Socket != "" {
			snapshot.Gateways = []gateway.Gateway{edge(gateway.Gateway{}, in.Port)}
			delivery, err := deliver(snapshot.Seal())
			if err != nil {
				return err
			}
			defer delivery.Close()
			delivery.Register(server)
		}
		s := extauthz.New(extauthz.Options{Log: slog.New(slog.DiscardHandler)})
		defer s.Close()
		compiled, diags := s.Compile(snapshot.Seal())
		if compiled == nil {
			return diags.Err()
		}
		s.Swap(compiled)
		s.Register(server)
	}
	well := health.NewServer()
	well.SetServingStatus(wire.AuthorizationService, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, well)
	network, address := "tcp", "127.0.0.1:0"
	if in.Socket != "" {
		network, address = "unix", in.Socket
	}
	lis, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	go server.Serve(lis)
	port := in.Port
	if at, ok := lis.Addr().(*net.TCPAddr); ok {
		port = at.Port
	}
	fmt.Println(port)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// deliver has Envoys sent a definition.
func deliver(s *gateway.Snapshot) (*xds.Server, error) {
	out, diags := translator.New().Translate(s)
	if out == nil {
		return nil, diags.Err()
	}
	server := xds.New(xds.Options{Log: slog.New(slog.DiscardHandler)})
	return server, server.Set(context.Background(), xds.Revision{ID: out.Revision, Gateways: out.Gateways})
}

// profile writes a CPU profile of this process into a file until it is stopped.
func profile(file string) (stop func(), err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

// service is such a process.
type service struct {
	cmd   *exec.Cmd
	input io.Closer
	port  uint32
	// dir is removed in the end, "" for none.
	dir string
}

// startService runs this program again, as the service that a variable stands for.
func startService(variable string, in any) (*service, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	s := &service{cmd: exec.Command(os.Args[0])}
	s.cmd.Env = append(os.Environ(), variable+"="+string(text))
	s.cmd.Stderr = os.Stderr
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("the service did not start: %w", err)
	}
	port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
	s.port = uint32(port)
	return s, err
}

func (s *service) stop() {
	s.input.Close()
	_ = s.cmd.Wait()
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// latencies sends requests for a while at a steady rate, and gives how long each took
// from when it was due: waiting for one before counts.
func latencies(c *contestant, rate float64, connections int, duration time.Duration) ([]time.Duration, error) {
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", c.path, c.host, lines(c.headers))
	begin := time.Now()
	var next atomic.Int64
	var all []time.Duration
	var failed error
	var mu sync.Mutex
	var group sync.WaitGroup
	for range connections {
		group.Go(func() {
			var own []time.Duration
			err := func() error {
				conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.port))
				if err != nil {
					return err
				}
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					due := begin.Add(time.Duration(float64(next.Add(1)) / rate * float64(time.Second)))
					if due.Sub(begin) > duration {
						return nil
					}
					waiting := asleepUntil(due)
					if err := exchange(conn, in, request, 200); err != nil {
						return err
					}
					own = append(own, time.Since(waiting))
				}
			}()
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, own...), errors.Join(failed, err)
		})
	}
	group.Wait()
	slices.Sort(all)
	if len(all) == 0 && failed == nil {
		failed = errors.New("nothing was asked")
	}
	return all, failed
}

// printLatencies finds how many requests a second there can be, and prints how long
// they take at half of that: medians of rounds in which the contestants take turns.
func printLatencies(size effort, w io.Writer, list []*contestant) error {
	type found struct{ rate, p50, p99 []float64 }
	all := make([]found, len(list))
	for range 2*size.rounds + 1 {
		for i, c := range list {
			requests := size.requests / heats
			begin := time.Now()
			if err := load(c.port, c.host, c.path, c.headers, c.body, 200, requests, size.connections); err != nil {
				return err
			}
			half := float64(requests) / time.Since(begin).Seconds() / 2
			took, err := latencies(c, half, size.connections, time.Second)
			if err != nil {
				return err
			}
			f := &all[i]
			f.rate = append(f.rate, half)
			f.p50 = append(f.p50, float64(took[len(took)/2].Microseconds())/1000)
			f.p99 = append(f.p99, float64(took[len(took)*99/100].Microseconds())/1000)
		}
	}
	for i, c := range list {
		f := all[i]
		fmt.Fprintf(w, "%s\t%.0f/s\tp50 %.2f ms\tp99 %.2f ms\n", c.name, median(f.rate), median(f.p50), median(f.p99))
	}
	return nil
}
