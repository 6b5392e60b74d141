package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// stopTimeout bounds how long the servers take to end what they are doing.
const stopTimeout = 3 * time.Second

// run serves until the context ends, or something that is needed fails. Once
// there is something to serve it calls alongside, which is to return when its
// context ends; only then does the control plane stop, so that an Envoy is served
// to its end. When run returns, all that it started has ended.
func (c *controlPlane) run(ctx context.Context, alongside func(context.Context) error) error {
	defer c.issuers.Close()
	if c.stored != nil {
		defer c.stored.close()
		c.stored.follow(func() { c.pipeline.Reload(false) }, c.caches)
		c.stored.await(ctx)
	}
	// From the beginning: a SIGHUP that nobody waits for would end the process.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	// Who reads stdout, where access logs go, may end: writing fails then, and what is asked for
	// means more than its log. Otherwise such a signal ends the process.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	err := c.pipeline.Start(ctx)
	if err == nil && c.limitFiles != nil {
		err = c.limitFiles.start()
	}
	if err != nil {
		return errors.Join(err, c.closeSockets())
	}
	outliving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(outliving)
	group.Go(func() error { return c.pipeline.Run(serving) })
	group.Go(func() error { return c.watcher.Run(serving, func() { c.reload(false) }) })
	group.Go(func() error { return c.reloadOn(serving, hangups) })
	if c.limitFiles != nil {
		group.Go(func() error { return c.limitFiles.run(serving) })
	}
	group.Go(func() error {
		if err := c.grpc.Serve(c.xdsSocket); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return fmt.Errorf("xds server: %w", err)
		}
		return nil
	})
	about := []any{"xds", c.xdsSocket.Addr().String(), "roles", strings.Join(c.roles.names(), ",")}
	for _, s := range c.services {
		if s.serve == nil {
			continue
		}
		about = append(about, "integration", c.integrationSocket.Addr().String())
		group.Go(func() error {
			if err := s.serve(c.integrationSocket); err != nil {
				return fmt.Errorf("integration server: %w", err)
			}
			return nil
		})
	}
	if c.portalSocket != nil {
		about = append(about, "portal", c.portalSocket.Addr().String())
		group.Go(func() error {
			if err := c.portal.Serve(c.portalSocket); err != nil {
				return fmt.Errorf("portal server: %w", err)
			}
			return nil
		})
	}
	if c.metricsSocket != nil {
		about = append(about, "metrics", c.metricsSocket.Addr().String())
		group.Go(func() error {
			if err := c.metricsOnly.Serve(c.metricsSocket); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("metrics server: %w", err)
			}
			return nil
		})
	}
	group.Go(func() error {
		if err := c.httpTLS.serve(c.http, c.httpSocket); !errors.Is(err, http.ErrServerClosed) {
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
		c.log.Info("serving", append(about, "status", fmt.Sprintf("%s://%s/status", c.httpTLS.scheme(), c.httpSocket.Addr()))...)
		return alongside(working)
	})
	return group.Wait()
}

// stop ends the servers. Envoys go on with what they have.
func (c *controlPlane) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	// Whoever asks is told at once, and goes elsewhere.
	c.health.Shutdown()
	for _, s := range c.services {
		if s.endStreams != nil {
			s.endStreams()
		}
	}
	var ending errgroup.Group
	for _, s := range c.services {
		if s.shutdown != nil {
			ending.Go(func() error { return s.shutdown(ctx) })
		}
	}
	abort := context.AfterFunc(ctx, c.grpc.Stop)
	c.grpc.GracefulStop()
	abort()
	if err := ending.Wait(); err != nil {
		c.log.Debug("requests to integrations were cut off", "error", err)
	}
	if c.metricsOnly != nil {
		// Whoever scrapes comes again.
		_ = c.metricsOnly.Close()
	}
	// An extension of a quota that is accepted is to be kept, so that nobody may ask for
	// one behind the last write.
	err := c.http.Shutdown(ctx)
	if err != nil {
		err = c.http.Close()
	}
	for _, s := range c.services {
		if s.close != nil {
			s.close()
		}
	}
	if err := c.otlp.Close(ctx); err != nil {
		c.log.Warn("the last metrics and spans did not reach the OTLP collector", "error", err)
	}
	if err := c.metered.Close(); err != nil {
		c.log.Error("the last metered counts may not be kept", "error", err)
	}
	return err
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
			c.reload(true)
			if c.limitFiles != nil {
				c.limitFiles.reload()
			}
		}
	}
}
