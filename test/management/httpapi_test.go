package management

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"gatehouse/internal/pytools"
	"gatehouse/management"
	"gatehouse/management/address"
	"gatehouse/management/httpapi"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// TestHTTPAPIs has boto3 walk through all operations of apigatewayv2.
func TestHTTPAPIs(t *testing.T) { runHTTP(t, "httpapi.py") }

// TestPortals has boto3 make portals, and all that is in them.
func TestPortals(t *testing.T) { runHTTP(t, "portals.py") }

// runHTTP has a script call a server that has nothing yet.
func runHTTP(t *testing.T, script string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	documents := store.NewMemory()
	server := httptest.NewServer(management.New(management.Options{
		// Routing rules lead to REST APIs.
		REST: restapi.NewService(restapi.Options{Store: documents, Log: log, Documents: openapi.Documents{}}),
		HTTP: httpapi.NewService(httpapi.Options{Store: documents, Log: log, Documents: openapi.Documents{}, Address: func() address.Gateway { return address.Gateway{Suffix: "example.com"} }}),
		Open: true, Loopback: true, Log: log,
	}))
	defer server.Close()
	env := []string{"AWS_ACCESS_KEY_ID=anyone", "AWS_SECRET_ACCESS_KEY=anything"}
	if output, err := pytools.Command(t, env, script, server.URL).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
