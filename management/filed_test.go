package management_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/management"
	"gatehouse/management/httpapi"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// TestAPIsOfFiles are listed beside those that are stored, and not changed.
func TestAPIsOfFiles(t *testing.T) {
	stage := gateway.Stage{Name: "v1", Variables: map[string]string{"a": "b"}, Deployment: (&gateway.Deployment{Protocol: gateway.REST}).Seal()}
	filed := management.Filed{APIs: func() []gateway.API {
		return []gateway.API{
			{ID: "filed", Name: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{stage}, Source: gateway.Position{File: "apis/shop.yaml", Line: 3}},
			{ID: "filedhttp", Name: "notes", Protocol: gateway.HTTP, Stages: []gateway.Stage{stage}, Source: gateway.Position{File: "apis/notes.yaml"}},
		}
	}}
	log := slog.New(slog.DiscardHandler)
	kept := store.NewMemory()
	over := filed.Over(kept)
	s := httptest.NewServer(management.New(management.Options{
		REST: restapi.NewService(restapi.Options{Store: over, Log: log}), HTTP: httpapi.NewService(httpapi.Options{Store: over, Log: log}),
		Open: true, Filed: filed, Log: log,
	}))
	defer s.Close()
	ask := func(method, path, body, region string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/"+region+"/apigateway/aws4_request, SignedHeaders=host, Signature=0")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	const home = "us-east-1"
	if status, text := ask("POST", "/restapis", `{"name":"stored"}`, home); status != 201 {
		t.Fatal(text)
	}
	for _, c := range []struct {
		method, path, region string
		status               int
		has, hasNot          string
	}{
		{"GET", "/restapis", home, 200, `"shop"`, "notes"},
		{"GET", "/restapis", home, 200, `"stored"`, ""},
		{"GET", "/restapis", "eu-west-1", 200, "", "shop"},
		{"GET", "/restapis/filed", home, 200, `"gatehouse:file":"apis/shop.yaml"`, ""},
		{"GET", "/restapis/filed/stages", home, 200, `"v1"`, ""},
		{"GET", "/restapis/filed", "eu-west-1", 404, "", ""},
		{"GET", "/v2/apis", home, 200, `"notes"`, "shop"},
		{"GET", "/v2/apis/filedhttp/stages/v1", home, 200, `"v1"`, ""},
		{"DELETE", "/restapis/filed", home, 400, "is defined by the file apis/shop.yaml", ""},
		{"PATCH", "/restapis/filed/stages/v1", home, 400, "is defined by the file apis/shop.yaml", ""},
		{"POST", "/restapis/filed/deployments", home, 400, "is defined by the file apis/shop.yaml", ""},
		{"DELETE", "/v2/apis/filedhttp", home, 400, "is defined by the file apis/notes.yaml", ""},
		{"DELETE", "/v2/apis/%66iledhttp", home, 400, "is defined by the file apis/notes.yaml", ""},
	} {
		status, text := ask(c.method, c.path, "{}", c.region)
		if status != c.status || !strings.Contains(text, c.has) || c.hasNot != "" && strings.Contains(text, c.hasNot) {
			t.Errorf("%s %s in %s: %d %s", c.method, c.path, c.region, status, text)
		}
	}
	// What is stored has nothing of them.
	_ = kept.View(t.Context(), func(r store.Reader) error {
		entries, _ := r.List("")
		text, _ := json.Marshal(entries)
		if strings.Contains(string(text), "filed") {
			t.Errorf("stored: %s", text)
		}
		return nil
	})
}
