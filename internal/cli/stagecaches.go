package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"gatehouse/integration"
	"gatehouse/integration/stagecache"
	"gatehouse/ratelimit/redis"
)

// openStageCaches opens what keeps the caches of stages; nil for a process's own memory.
func openStageCaches(redisURL string, log *slog.Logger, metrics prometheus.Registerer) (stagecache.Store, error) {
	if redisURL == "" {
		return nil, nil
	}
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, usagef("--redis-url: %w", err)
	}
	return stagecache.OpenRedis(stagecache.RedisOptions{Client: options, Log: log, Registerer: metrics}), nil
}

// flushHandler empties the cache of a stage, which the query names.
func flushHandler(flush func(ctx context.Context, api, stage string) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch err := flush(r.Context(), q.Get("api"), q.Get("stage")); {
		case errors.Is(err, integration.ErrNoCache):
			answer(w, http.StatusNotFound, fmt.Sprintf("there is no stage %q of an API %q that has a cache", q.Get("stage"), q.Get("api")))
		case err != nil:
			answer(w, http.StatusServiceUnavailable, err.Error())
		default:
			answer(w, http.StatusAccepted, "flushed")
		}
	})
}

// flushTimeout is how long a server may take to answer.
const flushTimeout = 10 * time.Second

func newFlush() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "flush API/STAGE",
		GroupID: groupWork,
		Short:   "Empty the cache of a stage",
		Long: "Flush has a running server forget every answer that the cache of a stage keeps. Servers\n" +
			"that share a Redis (--redis-url) forget together; others have to be told one by one.",
		Example: "  gatehouse flush petstore/v1",
		Args:    args(cobra.ExactArgs(1)),
	}
	server := cmd.Flags().String("server", "http://127.0.0.1:8001", "the server's --http-address, as a URL")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		api, stage, found := strings.Cut(given[0], "/")
		if !found || api == "" || stage == "" {
			return usagef("which stage is meant? Write API/STAGE, such as shop/v1")
		}
		u, err := serverFlagURL(*server)
		if err != nil {
			return err
		}
		call := serverCall{
			server: *server, url: u.JoinPath("cache"), method: http.MethodDelete, timeout: flushTimeout, want: http.StatusAccepted, most: 1 << 20,
			absent: "flushes no caches: it is not a gatehouse server, has not the role integration, or its --http-address can be reached from other machines",
		}
		call.url.RawQuery = url.Values{"api": {api}, "stage": {stage}}.Encode()
		if _, err := call.ask(cmd.Context()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "the cache of %s/%s is empty\n", api, stage)
		return err
	}
	return cmd
}
