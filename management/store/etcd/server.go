package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap/zapcore"
)

// endTimeout is how long a server that has failed may take to end.
const endTimeout = 5 * time.Second

// server is an etcd server within this process. Where etcd would end the process, it is
// the server alone that ends.
type server struct {
	etcd *embed.Etcd
	// failed is closed when the server is of no use any more; reason tells why, then.
	failed chan struct{}
	reason string
	once   sync.Once
}

// startServer starts a server, and waits for it to serve. A damaged directory, at which
// etcd would end the process, is an error.
func startServer(ctx context.Context, dir string, log *slog.Logger) (*server, error) {
	v := &server{failed: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	config := serverConfig(dir, log, v)
	// A goroutine of its own, since it may be the one to be ended.
	started := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				v.fail(fmt.Sprint(r))
			}
		}()
		etcd, err := embed.StartEtcd(config)
		v.etcd = etcd
		started <- err
	}()
	select {
	case err := <-started:
		if err != nil {
			return nil, err
		}
	case <-v.failed:
		return nil, v.cannotRead()
	case <-ctx.Done():
		go func() {
			if err := <-started; err == nil {
				v.etcd.Close()
			}
		}()
		return nil, notReady(ctx)
	}
	var err error
	select {
	case <-v.etcd.Server.ReadyNotify():
		return v, nil
	case err = <-v.etcd.Err():
	case <-v.failed:
		err = v.cannotRead()
	case <-ctx.Done():
		err = notReady(ctx)
	}
	v.end()
	return nil, err
}

func (v *server) cannotRead() error {
	return fmt.Errorf("etcd cannot read what is there: %s", v.reason)
}

func notReady(ctx context.Context) error { return fmt.Errorf("etcd is not ready: %w", ctx.Err()) }

// OnWrite is called where the server would end the process: after it has logged a fatal
// error, or before it panics. Only the goroutine ends, and the server with it: nobody
// waits for it.
func (v *server) OnWrite(e *zapcore.CheckedEntry, _ []zapcore.Field) {
	v.fail(e.Message)
	runtime.Goexit()
}

func (v *server) fail(reason string) {
	v.once.Do(func() {
		v.reason = reason
		close(v.failed)
	})
}

func (v *server) hasFailed() bool {
	select {
	case <-v.failed:
		return true
	default:
		return false
	}
}

// end ends the server. One that has failed may hold locks for ever, so that it is left to
// itself after a while; end reports false then.
func (v *server) end() bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		v.etcd.Close()
	}()
	if !v.hasFailed() {
		select {
		case <-ended:
			return true
		case <-v.failed:
		}
	}
	select {
	case <-ended:
		return true
	case <-time.After(endTimeout):
		return false
	}
}
