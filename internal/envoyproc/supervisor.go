package envoyproc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Supervisor keeps one Envoy running: it starts it again when it dies, and drains it
// before it stops it.
type Supervisor struct {
	// Path of the binary.
	Path string
	// Bootstrap is the configuration, YAML or JSON.
	Bootstrap []byte
	// LogLevel is Envoy's --log-level; "warning" if empty.
	LogLevel string
	// Args are added to the command line.
	Args []string
	// Log is where Envoy's log goes, each line a record; nil discards it.
	Log *slog.Logger
	// DrainTime bounds how long requests may take to end on a stop: 10 s if 0.
	DrainTime time.Duration
	// OnReady is called once, when the first Envoy has started its main loop.
	OnReady func()
}

const (
	// healthyAfter is how long an Envoy must run for its end to count as a first one.
	healthyAfter = 10 * time.Second
	// maxFailures is how often in a row an Envoy may end soon after its start.
	maxFailures = 5
	minBackoff  = 100 * time.Millisecond
	maxBackoff  = 5 * time.Second
	// stopTime is how long Envoy has to end on SIGTERM, once drained.
	stopTime = 5 * time.Second
)

// Run starts Envoy and keeps it running until the context ends: then it drains and
// stops it, and returns nil. It gives up, with what Envoy said last, when Envoy ends
// soon after its start several times in a row, or at the first start already.
func (s Supervisor) Run(ctx context.Context) error {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := os.MkdirTemp("", "gatehouse-envoy-")
	if err != nil {
		return fmt.Errorf("starting envoy: %w", err)
	}
	defer os.RemoveAll(dir)
	// The bootstrap may hold secrets: for this user only.
	config := filepath.Join(dir, "bootstrap.yaml")
	if err := os.WriteFile(config, s.Bootstrap, 0o600); err != nil {
		return fmt.Errorf("starting envoy: %w", err)
	}
	adminFile := filepath.Join(dir, "admin")

	wasReady := false
	ready := func() {
		if !wasReady && s.OnReady != nil {
			s.OnReady()
		}
		wasReady = true
	}
	for failures := 0; ; {
		started := time.Now()
		err := s.runOnce(ctx, config, adminFile, ready)
		if ctx.Err() != nil {
			return nil
		}
		if !wasReady {
			return fmt.Errorf("envoy did not start: %w", err)
		}
		if failures++; time.Since(started) > healthyAfter {
			failures = 1
		}
		if failures > maxFailures {
			return fmt.Errorf("envoy ended %d times in a row: %w", failures, err)
		}
		wait := backoff(failures)
		s.Log.Error("envoy ended, starting it again", "error", err, "in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// backoff doubles with each failure, give or take a quarter.
func backoff(failures int) time.Duration {
	wait := min(minBackoff<<min(failures-1, 10), maxBackoff)
	return wait*3/4 + rand.N(wait/2)
}

// runOnce runs one Envoy process to its end.
func (s Supervisor) runOnce(ctx context.Context, config, adminFile string, ready func()) error {
	_ = os.Remove(adminFile)
	args := append([]string{
		"-c", config, "--use-dynamic-base-id", "--file-flush-interval-msec", "1000", "--admin-address-path", adminFile,
		"--log-level", cmp.Or(s.LogLevel, "warning"), "--log-format", logFormat,
	}, s.Args...)
	p, err := startProcess(s.Path, args, s.Log)
	if err != nil {
		return err
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for started := false; ; {
		select {
		case <-p.ended:
			return p.failure()
		case <-ctx.Done():
			p.stop(adminAddress(adminFile), cmp.Or(s.DrainTime, 10*time.Second))
			return ctx.Err()
		case <-poll.C:
			// Envoy writes the file once its admin interface listens, with the first
			// configuration loaded.
			if !started && adminAddress(adminFile) != "" {
				started = true
				poll.Reset(time.Hour)
				ready()
			}
		}
	}
}

func adminAddress(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

var errEnded = errors.New("envoy ended")
