// Package reference runs Envoy's reference rate limit service
// (github.com/envoyproxy/ratelimit), where somebody has its binary: to compare what it
// says, and what it costs, with what Gatehouse does by the same files.
package reference

import (
	"fmt"
	"os"
	"os/exec"
)

// Variable names the binary. Nothing is compared without it.
const Variable = "GATEHOUSE_REFERENCE_RATELIMIT"

// Binary is the path of the binary, "" when there is none.
func Binary() string { return os.Getenv(Variable) }

// Ports are where a service listens: gRPC for Envoys, HTTP for a health check at
// /healthcheck, and what it shows of itself.
type Ports struct{ GRPC, HTTP, Debug int }

// Command makes a service that reads folder/config/*.yaml and counts in a Redis. It
// answers with the headers RateLimit-Limit and so on, and sends statistics to nobody.
func Command(folder, redisAddress string, ports Ports) *exec.Cmd {
	cmd := exec.Command(Binary())
	// What it reads of its own names must not come from whoever starts it.
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"USE_STATSD=false", "LOG_LEVEL=error", "BACKEND_TYPE=redis", "REDIS_SOCKET_TYPE=tcp", "REDIS_URL=" + redisAddress,
		"RUNTIME_ROOT=" + folder, "RUNTIME_SUBDIRECTORY=", "RUNTIME_APPDIRECTORY=config", "RUNTIME_WATCH_ROOT=false",
		"HOST=127.0.0.1", fmt.Sprint("PORT=", ports.HTTP), "GRPC_HOST=127.0.0.1", fmt.Sprint("GRPC_PORT=", ports.GRPC),
		"DEBUG_HOST=127.0.0.1", fmt.Sprint("DEBUG_PORT=", ports.Debug),
		"LIMIT_RESPONSE_HEADERS_ENABLED=true",
	}
	return cmd
}
