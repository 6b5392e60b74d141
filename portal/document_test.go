package portal

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/store"
)

// TestDocument holds that consumers see what is for them, and nothing else.
func TestDocument(t *testing.T) {
	p := serve(t, store.NewMemory(), noSignIn)
	var got struct {
		Servers    []struct{ URL string }
		Paths      map[string]map[string]json.RawMessage
		Info       struct{ Title string }
		Components struct {
			Schemas         map[string]json.RawMessage
			SecuritySchemes map[string]json.RawMessage
		}
	}
	text := p.browser().want(200, "/apis/pets/v1/openapi.json", nil)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Servers) != 1 || got.Servers[0].URL != "https://api.example.com/pets" || got.Info.Title != "<script>alert(1)</script>" {
		t.Error(text)
	}
	if len(got.Paths) != 1 || len(got.Paths["/pets"]) != 1 || got.Paths["/pets"]["get"] == nil {
		t.Errorf("published are %v", got.Paths)
	}
	if len(got.Components.Schemas) != 2 || got.Components.Schemas["Pet"] == nil || got.Components.Schemas["Owner"] == nil || got.Components.SecuritySchemes["api_key"] == nil {
		t.Errorf("the components are %v", got.Components)
	}
	for _, inner := range []string{"x-amazon-apigateway", "127.0.0.1", "health", "Health", "DELETE", "the-secret-team", "internal.example.com", "200 response", "How many for any path."} {
		if strings.Contains(text, inner) {
			t.Errorf("the document has %s: %s", inner, text)
		}
	}
	if !strings.Contains(text, "x-amazon-account") {
		t.Error("a property was taken for an extension")
	}
	for _, said := range []string{`"summary":"All pets"`, `"description":"The pets."`, `"description":"How many."`, `"enum":["cat","dog"]`, `"default":10`, `"security":[{"api_key":[]}]`} {
		if !strings.Contains(text, said) {
			t.Errorf("the document lacks %s: %s", said, text)
		}
	}
	operations := p.server.compiled.Load().sites["developers"].apis[1].Operations
	want := []operation{{"GET", "/internal/health", ""}, {"GET", "/pets", "All pets"}, {"DELETE", "/pets/{id}", ""}}
	if d := cmp.Diff(want, operations); d != "" {
		t.Error(d)
	}
}

// TestLoad holds what a process that cannot serve portals says of them.
func TestLoad(t *testing.T) {
	s := load(t, noSignIn)
	_, ds := New(Options{Log: slog.New(slog.DiscardHandler)}).Compile(s)
	if !ds.HasErrors() || len(ds) != 1 || ds[0].Code != "portal-needs-store" || ds[0].Pos.Line != 11 {
		t.Error(ds)
	}
	_, ds = New(Options{Log: slog.New(slog.DiscardHandler), Store: store.NewMemory(), Off: true}).Compile(s)
	if ds.HasErrors() || len(ds) != 1 || ds[0].Code != "portal-off" {
		t.Error(ds)
	}
}

// TestAssets holds that the pages' files are there, compressed for who takes that.
func TestAssets(t *testing.T) {
	b := serve(t, store.NewMemory(), noSignIn).browser()
	for file, kind := range map[string]string{
		"portal.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8", "viewer.js": "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml", "swagger-ui.css": "text/css; charset=utf-8", "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
	} {
		plain, text := b.ask("/assets/"+file, nil, "Accept-Encoding", "identity")
		if plain.StatusCode != 200 || plain.Header.Get("Content-Type") != kind || text == "" || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", file, plain.StatusCode, plain.Header)
		}
		again, _ := b.ask("/assets/"+file, nil, "If-None-Match", plain.Header.Get("ETag"))
		if again.StatusCode != 304 {
			t.Errorf("%s again: %d", file, again.StatusCode)
		}
	}
	packed, _ := b.ask("/assets/swagger-ui-bundle.js", nil, "Accept-Encoding", "gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" {
		t.Error(packed.Header)
	}
}
