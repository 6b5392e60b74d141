package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// readyInterval is how often Envoy is asked whether it is ready.
const readyInterval = 20 * time.Millisecond

// awaitReady waits until an Envoy serves: it has asked for its whole configuration,
// and taken or refused every part of it.
func awaitReady(ctx context.Context, admin string) error {
	for {
		if envoyIsReady(ctx, admin) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for envoy to be ready: %w", ctx.Err())
		case <-time.After(readyInterval):
		}
	}
}

// adminClient goes straight to Envoy, whatever proxy the environment names.
var adminClient = &http.Client{Transport: &http.Transport{}}

// envoyIsReady asks the admin interface. Before that listens, or while Envoy still
// waits for its configuration, the answer is no.
func envoyIsReady(ctx context.Context, admin string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/ready", nil)
	if err != nil {
		return false
	}
	resp, err := adminClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// freeAddress gives an address of this machine on which nothing listens.
func freeAddress() (string, error) {
	l, err := listen("--admin", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
