package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/gateway"
)

const (
	// serverTimeout is how long a server may take to say what it serves.
	serverTimeout = 30 * time.Second
	// maxServerBytes bounds its answer.
	maxServerBytes = 1 << 30
)

// isServer tells the URL of a running server from a path.
func isServer(arg string) bool {
	return strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://")
}

// loadFiles reads definitions whose problems are told here.
func loadFiles(cmd *cobra.Command, paths []string) (*gateway.Snapshot, error) {
	loaded, err := loadOnce(cmd, paths)
	if err != nil {
		return nil, err
	}
	if err := printDiagnostics(cmd.ErrOrStderr(), loaded.Diagnostics); err != nil {
		return nil, err
	}
	if loaded.Snapshot == nil {
		return nil, errReported
	}
	return loaded.Snapshot, nil
}

// askServed asks a running server what it serves. Secrets stay with the server.
func askServed(ctx context.Context, server string) (*gateway.Snapshot, error) {
	body, err := askServer(ctx, server, "snapshot", nil)
	if err != nil {
		return nil, err
	}
	return decodeSnapshot(body, server)
}

// askServer gets a page of a running server's --http-address.
func askServer(ctx context.Context, server, page string, query url.Values) ([]byte, error) {
	u, err := url.Parse(server)
	if err != nil || !isServer(server) || u.Host == "" {
		return nil, usagef("%q is not the URL of a server, such as http://127.0.0.1:8001", server)
	}
	u = u.JoinPath(page)
	u.RawQuery = query.Encode()
	call := serverCall{server: server, url: u, method: http.MethodGet, timeout: serverTimeout, want: http.StatusOK, most: maxServerBytes}
	return call.ask(ctx)
}

func decodeSnapshot(body []byte, from string) (*gateway.Snapshot, error) {
	s := &gateway.Snapshot{}
	if err := json.Unmarshal(body, s); err != nil || len(s.Gateways) == 0 {
		return nil, fmt.Errorf("%s did not answer as a gatehouse server does", from)
	}
	return s.Seal(), nil
}

// withoutSecrets gives a snapshot as a server tells of it.
func withoutSecrets(s *gateway.Snapshot) (*gateway.Snapshot, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return decodeSnapshot(body, "the copy")
}

// snapshotPage tells which definitions are served, without their secrets.
func snapshotPage(c *controlPlane) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s := c.pipeline.Snapshot()
		if s == nil {
			answer(w, http.StatusServiceUnavailable, "no revision is served yet")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// A client that went away is nobody's problem.
		_ = json.NewEncoder(w).Encode(s)
	}
}
