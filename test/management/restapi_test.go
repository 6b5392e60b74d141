// Package management tests the management API with AWS's own clients.
package management

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"gatehouse/internal/pytools"
	"gatehouse/management"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// serve starts a management API whose documents are in memory, and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	documents := store.NewMemory()
	server := httptest.NewServer(management.New(management.Options{
		REST: restapi.NewService(restapi.Options{Store: documents, Log: log, Documents: openapi.Documents{}}),
		Open: true, Loopback: true, Log: log,
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// run has boto3 walk through a script.
func run(t *testing.T, script string) {
	t.Helper()
	env := []string{"AWS_ACCESS_KEY_ID=anyone", "AWS_SECRET_ACCESS_KEY=anything"}
	if output, err := pytools.Command(t, env, script, serve(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

func TestRESTAPIs(t *testing.T) { run(t, "restapi.py") }

func TestSharedByRESTAPIs(t *testing.T) { run(t, "account.py") }
