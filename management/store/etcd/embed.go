package etcd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap/zapcore"
)

const (
	// maxRequest is what the embedded server takes at once: a compressed content of the
	// largest definition, and more.
	maxRequest = 32 << 20
	// quota bounds the server's file.
	quota = 2 << 30
	// segment is how large a file of the log is, which is made in full, and the one after
	// it, too: a fraction of etcd's own, which is for clusters.
	segment = 8 << 20
	// keepHistory is how long old revisions are kept: nobody needs them but a watch that
	// broke off.
	keepHistory = "5m"
	// startTimeout is how long a server may take to start, with a large log to read.
	startTimeout = 60 * time.Second
)

// Embed opens a store that is kept in a directory by an etcd server within this process.
// The server has no sockets: nothing but this store speaks to it.
func Embed(ctx context.Context, dir string, log *slog.Logger) (_ *Store, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("management store: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("management store: %w", err)
	}
	if err := writable(dir); err != nil {
		unlock()
		return nil, fmt.Errorf("management store: %w", err)
	}
	server, err := startServer(ctx, dir, log)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("management store %s: %w", dir, err)
	}
	own := &room{dir: dir, least: minRoom}
	own.server.Store(server)
	s := start(v3client.New(server.etcd.Server), log, own, unlock)
	ready, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.Ready(ready); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Exists reports whether a directory has a store, or the beginning of one.
func Exists(dir string) bool {
	_, err := os.Lstat(member(dir))
	return !errors.Is(err, fs.ErrNotExist)
}

// member is where the server of a directory keeps its own files.
func member(dir string) string { return filepath.Join(dir, "member") }

// writable writes as much as a new server does at once, and takes it away: where there is
// no room for that, etcd would end the process.
func writable(dir string) error {
	probe := filepath.Join(dir, "probe")
	err := os.WriteFile(probe, make([]byte, 2*segment), 0o600)
	if removed := os.Remove(probe); err == nil {
		err = removed
	}
	return err
}

// smallSegments is set once, before any log is opened.
var smallSegments = sync.OnceFunc(func() { wal.SegmentSizeBytes = segment })

func serverConfig(dir string, log *slog.Logger, end zapcore.CheckWriteHook) *embed.Config {
	smallSegments()
	c := embed.NewConfig()
	c.Name = "gatehouse"
	c.Dir = member(dir)
	// It is its own cluster, which is known by an address that nobody listens on.
	c.ListenPeerUrls, c.ListenClientUrls, c.AdvertiseClientUrls = nil, nil, nil
	c.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2380"}}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(quiet(log, end))
	c.MaxRequestBytes, c.QuotaBackendBytes = maxRequest, quota
	c.MaxTxnOps = 100_000
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModePeriodic, keepHistory
	// Nobody else is there to be waited for.
	c.TickMs, c.ElectionMs = 20, 100
	c.SnapshotCount = 10_000
	c.BootstrapDefragThresholdMegabytes = 100
	c.WarningApplyDuration = time.Second
	return c
}
