package cli

import (
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"gatehouse/ratelimit"
	"gatehouse/ratelimit/fallback"
	"gatehouse/ratelimit/memory"
	"gatehouse/ratelimit/redis"
)

// limitStoreFlags say where counts of quotas, shared limits and usage are kept.
type limitStoreFlags struct {
	redisURL string
	replicas int64
}

func (f *limitStoreFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.redisURL, "redis-url", "", "Redis that keeps the counts of quotas, shared limits and usage for all processes that share them, what stages cache, and which of them has a WebSocket connection; without it all that is this process's own, counts in the data directory. With a password in it, give it as "+envName("redis-url")+" instead")
	flags.Int64Var(&f.replicas, "ratelimit-replicas", 1, "how many processes answer Envoys' questions about limits, with --redis-url: each grants its share while Redis is gone")
}

func (f *limitStoreFlags) check(roles rolesFlag) error {
	if f.replicas < 1 {
		return usagef("--ratelimit-replicas must be at least 1")
	}
	if f.redisURL == "" && f.replicas > 1 {
		return usagef("--ratelimit-replicas needs --redis-url: without it every process counts for itself")
	}
	if f.redisURL != "" && !roles.has("ratelimit") && !roles.has("integration") {
		return usagef("--redis-url is for the roles ratelimit and integration, which --roles leaves out")
	}
	return nil
}

// limitStore is a store of limits, and how to close it.
type limitStore struct {
	ratelimit.Store
	// replicas is how many processes work on it.
	replicas int64
	close    func() error
}

// openLimitStore opens what the flags say. dataDir may be empty.
func openLimitStore(flags limitStoreFlags, dataDir string, log *slog.Logger, metrics prometheus.Registerer) (limitStore, error) {
	if flags.redisURL == "" {
		store := openMemory(dataDir, log, metrics)
		return limitStore{store, 1, store.Close}, nil
	}
	store, err := redis.Open(redis.Options{URL: flags.redisURL})
	if err != nil {
		return limitStore{}, usagef("--redis-url: %w", err)
	}
	local := memory.New(memory.Options{Now: fallback.SteadyClock(), Log: log})
	guarded := fallback.New(fallback.Options{
		Store: store, Local: local, Replicas: flags.replicas, Log: log, Registerer: metrics,
	})
	return limitStore{guarded, flags.replicas, func() error {
		guarded.Close()
		return store.Close()
	}}, nil
}

// openMemory keeps counts in a file of the data directory, so that quotas outlast a
// restart; without one they begin anew. A folder that is full or cannot be written does not keep
// the others from being served.
func openMemory(dataDir string, log *slog.Logger, metrics prometheus.Registerer) *memory.Store {
	options := memory.Options{Log: log, Registerer: metrics}
	if dataDir == "" {
		return memory.New(options)
	}
	return memory.Open(filepath.Join(dataDir, "limits.db"), options)
}
