package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"gatehouse/definition"
	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/oidc"
	"gatehouse/internal/revision"
	"gatehouse/internal/watch"
	"gatehouse/xds"
)

// stopTimeout bounds how long the servers take to end what they are doing.
const stopTimeout = 3 * time.Second

// controlPlane is everything that serve runs: definitions in, xDS out.
type controlPlane struct {
	log      *slog.Logger
	paths    []string
	loader   *definition.Loader
	watcher  *watch.Watcher
	pipeline *revision.Pipeline
	// issuers is asked for the keys that tokens are verified with.
	issuers  *oidc.Keeper
	xds      *xds.Server
	extauthz *extauthz.Server
	grpc     *grpc.Server
	http     *http.Server
	// files are those of the last load. They belong to the pipeline's goroutine.
	files []string
	// The sockets are open from the beginning: an address that is taken is known
	// before anything else happens.
	xdsSocket, httpSocket net.Listener
	// changed holds a token when the pipeline's status has changed.
	changed chan struct{}
}

// newControlPlane puts the parts together. Nothing runs before run.
func newControlPlane(loader *definition.Loader, flags serveFlags, paths []string, log *slog.Logger) (_ *controlPlane, err error) {
	if err := flags.check(); err != nil {
		return nil, err
	}
	if paths, err = pathsOrDefault(paths); err != nil {
		return nil, err
	}
	store, err := openStore(flags.dataDir, paths, log)
	if err != nil {
		return nil, err
	}
	options, err := xdsServerOptions(flags)
	if err != nil {
		return nil, err
	}

	c := &controlPlane{log: log, paths: paths, loader: loader, changed: make(chan struct{}, 1)}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	c.watcher = watch.New(watch.Options{Log: log.With("component", "watch")})
	c.xds = xds.New(xds.Options{
		Log: log.With("component", "xds"), Registerer: metrics,
		OnNACK: func(n xds.NACK) { c.pipeline.Refused(n) },
	})
	c.issuers = oidc.New(oidc.Options{
		Path: issuerKeysFile(store), Log: log.With("component", "issuers"), Registerer: metrics,
		OnChange: func() { c.pipeline.Reload(false) },
		Timing:   oidc.Timing{MaxAge: flags.issuerKeysMaxAge},
	})
	defer func() {
		if err != nil {
			c.issuers.Close()
		}
	}()
	c.extauthz = extauthz.New(extauthz.Options{Log: log.With("component", "extauthz"), Registerer: metrics})
	c.pipeline = revision.New(revision.Options{
		Load: c.load, Renew: c.issuers.Renew, Target: c.xds, Store: store,
		Services: []revision.Prepare{c.prepareAuthorization},
		Log:      log.With("component", "revision"), Registerer: metrics,
		OnChange: func(revision.Status) {
			select {
			case c.changed <- struct{}{}:
			default:
			}
		},
	})
	c.grpc = grpc.NewServer(options...)
	c.xds.Register(c.grpc)
	c.extauthz.Register(c.grpc)
	c.http = &http.Server{
		Handler:           statusHandler(c.pipeline, c.issuers, c.xds, metrics),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}

	if c.xdsSocket, err = listen("--xds-address", flags.xdsAddress); err != nil {
		return nil, err
	}
	if c.httpSocket, err = listen("--http-address", flags.httpAddress); err != nil {
		return nil, errors.Join(err, c.xdsSocket.Close())
	}
	return c, nil
}

func listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop that, or choose another address with %s", address, flag)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return l, nil
}

// load reads the definitions, puts the keys of token issuers in, and has the files
// that they consist of watched.
func (c *controlPlane) load(ctx context.Context) (*gateway.Snapshot, gateway.Diagnostics) {
	result := c.loader.Load(ctx, c.paths)
	c.watcher.Set(result.Files)
	if !slices.Equal(result.Files, c.files) {
		// A file that was not watched before may have changed since it was read.
		c.files = result.Files
		c.pipeline.Reload(false)
	}
	if result.Snapshot == nil {
		return nil, result.Diagnostics
	}
	snapshot, found := c.issuers.Fill(ctx, result.Snapshot)
	found = append(found, result.Diagnostics...)
	found.Sort()
	return snapshot, found
}

func (c *controlPlane) prepareAuthorization(s *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
	compiled, ds := c.extauthz.Compile(s)
	return func() func() { return c.extauthz.Swap(compiled) }, ds
}

// run serves until the context ends, or something that is needed fails. Once
// there is something to serve it calls alongside, which is to return when its
// context ends; only then does the control plane stop, so that an Envoy is served
// to its end. When run returns, all that it started has ended.
func (c *controlPlane) run(ctx context.Context, alongside func(context.Context) error) error {
	defer c.issuers.Close()
	// From the beginning: a SIGHUP that nobody waits for would end the process.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	if err := c.pipeline.Start(ctx); err != nil {
		return errors.Join(err, c.xdsSocket.Close(), c.httpSocket.Close())
	}
	outliving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(outliving)
	group.Go(func() error { return c.pipeline.Run(serving) })
	group.Go(func() error { return c.watcher.Run(serving, func() { c.pipeline.Reload(false) }) })
	group.Go(func() error { return c.reloadOn(serving, hangups) })
	group.Go(func() error {
		if err := c.grpc.Serve(c.xdsSocket); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return fmt.Errorf("xds server: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		if err := c.http.Serve(c.httpSocket); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("status server: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-serving.Done()
		return c.stop()
	})
	group.Go(func() error {
		defer stop()
		working, cancel := context.WithCancel(serving)
		defer cancel()
		defer context.AfterFunc(ctx, func() {
			c.log.Info("stopping")
			cancel()
		})()
		c.log.Info("serving", "xds", c.xdsSocket.Addr(), "status", fmt.Sprintf("http://%s/status", c.httpSocket.Addr()))
		return alongside(working)
	})
	return group.Wait()
}

// stop ends the servers. Envoys go on with what they have.
func (c *controlPlane) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	c.xds.Close()
	abort := context.AfterFunc(ctx, c.grpc.Stop)
	c.grpc.GracefulStop()
	abort()
	c.extauthz.Close()
	if err := c.http.Shutdown(ctx); err != nil {
		return c.http.Close()
	}
	return nil
}

// reloadOn reads the definitions again on a signal, and tries a revision that was
// refused once more.
func (c *controlPlane) reloadOn(ctx context.Context, hangups <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			c.log.Info("reading the definitions again, as SIGHUP asks")
			c.pipeline.Reload(true)
		}
	}
}
