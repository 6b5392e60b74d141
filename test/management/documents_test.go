// Package management tests the management API with AWS's own clients.
package management

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
	"gatehouse/management"
	"gatehouse/management/httpapi"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// TestDocuments has boto3 import and export APIs as OpenAPI documents, that of an AWS
// account among them.
func TestDocuments(t *testing.T) {
	log, documents := slog.New(slog.DiscardHandler), store.NewMemory()
	server := httptest.NewServer(management.New(management.Options{
		REST: restapi.NewService(restapi.Options{Store: documents, Log: log, Documents: openapi.Documents{}}),
		HTTP: httpapi.NewService(httpapi.Options{Store: documents, Log: log, Documents: openapi.Documents{}}),
		Open: true, Loopback: true, Log: log,
	}))
	defer server.Close()
	exported := filepath.Join(proctest.Root(t), "examples", "aws-export", "parcels-prod-oas30-apigateway.json")
	env := []string{"AWS_ACCESS_KEY_ID=anyone", "AWS_SECRET_ACCESS_KEY=anything"}
	if output, err := pytools.Command(t, env, "documents.py", server.URL, exported).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
