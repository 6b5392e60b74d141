package redis

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
)

// hold passes connections on to a server. It keeps answers to scripts back until scripts
// are waited for on so many connections.
func hold(t *testing.T, server *redistest.Server, connections int) (address string) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	var waiting sync.WaitGroup
	waiting.Add(connections)
	go func() {
		for {
			client, err := lis.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server.Addr())
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { client.Close(); upstream.Close() })
			asked := make(chan struct{})
			go func() {
				once := sync.OnceFunc(func() { waiting.Done(); close(asked) })
				buffer := make([]byte, 64<<10)
				for {
					n, err := client.Read(buffer)
					if bytes.Contains(bytes.ToLower(buffer[:n]), []byte("eval")) {
						once()
					}
					if _, failed := upstream.Write(buffer[:n]); err != nil || failed != nil {
						return
					}
				}
			}()
			go func() {
				for {
					buffer := make([]byte, 64<<10)
					n, err := upstream.Read(buffer)
					select {
					case <-asked:
						waiting.Wait()
					default:
					}
					if _, failed := client.Write(buffer[:n]); err == io.EOF || failed != nil {
						return
					}
				}
			}()
		}
	}()
	return lis.Addr().String()
}

// TestSlowAnswers: where Redis takes its time, what is asked meanwhile does not wait for
// what was asked before.
func TestSlowAnswers(t *testing.T) {
	s := open(t, Options{URL: "redis://" + hold(t, redistest.Start(t), 2), Timeout: 20 * time.Second})
	var takes sync.WaitGroup
	for range 2 {
		takes.Go(func() {
			_, err := s.Take(t.Context(), []ratelimit.Ask{{Counter: "c", Window: &ratelimit.Window{Limit: 10, Period: ratelimit.Year}, Hits: 1}})
			if err != nil {
				t.Error(err)
			}
		})
		// So that they do not share a pipeline. Where they do, the test waits in vain.
		time.Sleep(50 * time.Millisecond)
	}
	takes.Wait()
}
