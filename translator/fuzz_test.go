package translator_test

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/translator"
	"gatehouse/xds"
)

// FuzzDefinitions holds that nothing a definition says makes reading or translating it
// panic, and that what is not refused becomes resources that Envoy's schema allows and
// that refer to nothing that is missing.
func FuzzDefinitions(f *testing.F) {
	configs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(configs) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	bad, _ := filepath.Glob("testdata/*.bad.yaml")
	for _, file := range append(configs, bad...) {
		config, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		documents, _ := filepath.Glob(strings.TrimSuffix(strings.TrimSuffix(file, ".in.yaml"), ".bad.yaml") + "*.openapi.yaml")
		for _, document := range append(documents, "testdata/plain.openapi.yaml") {
			data, err := os.ReadFile(document)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(config, data)
		}
	}
	f.Fuzz(func(t *testing.T, config, document []byte) {
		checkDefinitions(t, config, document)
	})
}

// FuzzTexts puts hostile text into single places of good definitions of both kinds.
func FuzzTexts(f *testing.F) {
	for i, seed := range []string{
		"X-Name", "x\r\ny", ":path", "", "é", "100%", "%REQ(X)%", "'", "\"\x00", "(", "a)b", "#set($a = 1)", "Host", "a b",
		"$context.requestId", "$input.params('a')", "$request.header.X", "${request.path}", "context.identity.sourceIp", "method.request.path.id",
		"/$default", "/a/{b}/{c+}", "/{proxy+}", "/a/", "http://127.0.0.1/{id}?q={id}#f", "http://[::1]/\\1", "${stageVariables.v}",
		"default", "2..", "404", "101", "{\"statusCode\": 200}", "append:header.X", "overwrite:path", "integration.request.header.X",
	} {
		// All of them in all places would take too long for a test.
		f.Add(seed, uint8(7*i), uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, first, second uint8) {
		// Two places, or one: more would mostly hide each other's faults.
		hostile := map[string]string{places[int(first)%len(places)]: text}
		if second > 0 {
			hostile[places[int(second)%len(places)]] = text
		}
		files := map[string][]byte{"gatehouse.yaml": []byte(hostileConfig)}
		for name, document := range map[string]any{"rest": hostileREST(hostile), "http": hostileHTTP(hostile)} {
			data, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = data
		}
		checkFiles(t, files, nil)
	})
}

// checkDefinitions has every document that the configuration names be the same one.
func checkDefinitions(t *testing.T, config, document []byte) {
	t.Helper()
	checkFiles(t, map[string][]byte{"gatehouse.yaml": config}, document)
}

func checkFiles(t *testing.T, files map[string][]byte, rest []byte) {
	t.Helper()
	loader := definition.NewLoader(definition.Options{
		LookupEnv: func(string) (string, bool) { return "value", true },
		ReadFile: func(name string) ([]byte, error) {
			if data, ok := files[name]; ok {
				return data, nil
			}
			if strings.HasPrefix(filepath.ToSlash(name), "certs/") {
				return os.ReadFile(filepath.Join("testdata", filepath.Clean("/"+name)))
			}
			if rest == nil {
				return nil, fs.ErrNotExist
			}
			return rest, nil
		},
	})
	loaded := loader.Load(t.Context(), []string{"gatehouse.yaml"})
	checkDiagnostics(t, loaded.Diagnostics)
	if loaded.Snapshot == nil {
		if !loaded.Diagnostics.HasErrors() {
			t.Error("nothing was read, and no error told")
		}
		return
	}
	out, diags := translator.New().Translate(loaded.Snapshot)
	checkDiagnostics(t, diags)
	if out == nil {
		if !diags.HasErrors() {
			t.Error("nothing was translated, and no error told")
		}
		return
	}
	for name, m := range identities(out) {
		if !strings.HasPrefix(name, "RouteConfiguration ") {
			continue
		}
		for host, tree := range treesOf(t, m) {
			for _, routes := range tree {
				for _, r := range routes {
					logged := wire.ParseLoggedRoute(r.Name)
					if logged.Route != "" && logged.Route != nameOf(r) {
						t.Errorf("the route %s is told about as %+v", nameOf(r), logged)
					}
					if logged.Asked.Host != "" && logged.Asked.Host != host {
						t.Errorf("what is asked at %s is told about as %+v", host, logged)
					}
				}
			}
		}
	}
	server := xds.New(xds.Options{Log: slog.New(slog.DiscardHandler)})
	defer server.Close()
	if err := server.Set(t.Context(), xds.Revision{ID: out.Revision, Gateways: out.Gateways}); err != nil {
		t.Errorf("what was translated without an error is not valid: %v", err)
	}
}

func checkDiagnostics(t *testing.T, diags gateway.Diagnostics) {
	t.Helper()
	for _, d := range diags {
		if d.Code == "" || d.Message == "" || d.Pos.File == "" {
			t.Errorf("a diagnostic without place, code or message: %v", d)
		}
	}
}
