package cli

import (
	"log/slog"

	goredis "github.com/redis/go-redis/v9"

	"gatehouse/integration/websocket"
	connections "gatehouse/integration/websocket/redis"
	"gatehouse/ratelimit/redis"
)

// openDirectory opens the directory of the WebSocket connections of all processes, which
// is where the counts of limits are. There is none without Redis: a process then knows its
// own connections only.
func openDirectory(flags limitStoreFlags, log *slog.Logger) (websocket.Directory, error) {
	if flags.redisURL == "" {
		return nil, nil
	}
	options, err := redis.ParseURL(flags.redisURL)
	if err != nil {
		return nil, usagef("--redis-url: %w", err)
	}
	// A command that was sent twice would have the client hear it twice.
	options.MaxRetries = -1
	return connections.New(connections.Options{Client: goredis.NewUniversalClient(options), Log: log}), nil
}
