package loading_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/management/loading"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// put stores a REST API with one deployment, one stage, and an integration of the type.
func put(t *testing.T, s store.Store, id, integration string) {
	t.Helper()
	api := restapi.RestAPI{ID: id, Name: "shop " + id, RootResourceID: "root", APIKeySource: "HEADER"}
	content := restapi.Content{API: api, Resources: []restapi.Resource{{ID: "root", Path: "/", ResourceMethods: map[string]restapi.Method{
		"GET": {HTTPMethod: "GET", AuthorizationType: "NONE", MethodIntegration: &restapi.Integration{
			Type: integration, HTTPMethod: "GET", URI: "http://127.0.0.1:9101/" + id,
		}},
	}}}}
	key := "eu-west-1/restapis/" + id
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for key, document := range map[string]any{
			key: api, key + "/contents/d1": content, key + "/deployments/d1": restapi.Deployment{ID: "d1"},
			key + "/stages/prod": restapi.Stage{StageName: "prod", DeploymentID: "d1"},
		} {
			text, err := json.Marshal(document)
			if err != nil {
				return err
			}
			tx.Put(key, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, s store.Store, id string) {
	t.Helper()
	_ = s.Update(t.Context(), func(tx store.Tx) error { tx.DeleteAll("eu-west-1/restapis/" + id); return nil })
}

type followed struct {
	*loading.Loader
	store   *store.Memory
	changed chan struct{}
}

func follow(t *testing.T) *followed {
	f := &followed{store: store.NewMemory(), changed: make(chan struct{}, 100)}
	f.Loader = loading.New(loading.Options{Store: f.store, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Follow(ctx, func() { f.changed <- struct{}{} }) }()
	t.Cleanup(func() { cancel(); <-ended })
	if err := f.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-f.changed
	return f
}

func (f *followed) apis(t *testing.T, paths ...string) (ids []string, ds gateway.Diagnostics) {
	t.Helper()
	result := f.Load(t.Context(), paths)
	if result.Snapshot == nil {
		t.Fatal(result.Diagnostics)
	}
	for _, a := range result.Snapshot.APIs {
		ids = append(ids, a.ID)
	}
	if slices.ContainsFunc(result.Files, func(name string) bool { return strings.HasPrefix(name, "management:") }) {
		t.Errorf("files to be watched: %v", result.Files)
	}
	return ids, result.Diagnostics
}

func fileOf(t *testing.T, id string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"gatehouse.yaml": "apis:\n  - name: " + id + "\n    stages:\n      - {name: v1, definition: api.json}\n",
		"api.json":       `{"openapi": "3.0.1", "info": {"title": "x", "version": "1"}, "paths": {"/": {"get": {"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "uri": "http://127.0.0.1:9101/"}}}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "gatehouse.yaml")
}

func TestStoredAPIsAreLoadedBesideFiles(t *testing.T) {
	f := follow(t)
	if ids, _ := f.apis(t); ids != nil {
		t.Errorf("an empty store has %v", ids)
	}
	put(t, f.store, "stored1", "HTTP_PROXY")
	<-f.changed
	file := fileOf(t, "filed")
	if ids, _ := f.apis(t, file); !slices.Equal(ids, []string{"filed", "stored1"}) {
		t.Errorf("loaded %v", ids)
	}
	take(t, f.store, "stored1")
	<-f.changed
	if ids, _ := f.apis(t, file); !slices.Equal(ids, []string{"filed"}) {
		t.Errorf("loaded %v", ids)
	}
}

// uri is where the integration of a stored API leads.
func uri(t *testing.T, s *gateway.Snapshot, id string) string {
	t.Helper()
	api := s.API(id)
	if api == nil {
		return "(not there)"
	}
	text, err := json.Marshal(api.Stages[0].Deployment.Routes[0].Integration)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBrokenStoredAPIIsServedAsBefore(t *testing.T) {
	f := follow(t)
	file := fileOf(t, "filed")
	put(t, f.store, "good", "HTTP_PROXY")
	put(t, f.store, "bad", "HTTP_PROXY")
	before := f.Load(t.Context(), []string{file})
	for before.Snapshot == nil || len(before.Snapshot.APIs) < 3 {
		<-f.changed
		before = f.Load(t.Context(), []string{file})
	}
	f.Served()
	// What no operation would let through; an older version may have.
	put(t, f.store, "bad", "TELEGRAPH")
	put(t, f.store, "new", "TELEGRAPH")
	var after definition.Result
	for range 10 {
		if after = f.Load(t.Context(), []string{file}); strings.Contains(fmt.Sprint(after.Diagnostics), "/new/") {
			break
		}
		<-f.changed
	}
	if after.Snapshot == nil {
		t.Fatal(after.Diagnostics)
	}
	if diff := cmp.Diff(uri(t, before.Snapshot, "bad"), uri(t, after.Snapshot, "bad")); diff != "" {
		t.Errorf("the broken API is not as it was:\n%s", diff)
	}
	if after.Snapshot.API("good") == nil || after.Snapshot.API("filed") == nil || after.Snapshot.API("new") != nil {
		t.Errorf("APIs: %v", after.Snapshot.APIs)
	}
	for _, id := range []string{"bad", "new"} {
		if !slices.ContainsFunc(after.Diagnostics, func(d gateway.Diagnostic) bool {
			return d.Code == "stored-api-refused" && d.Severity == gateway.Warning && strings.HasPrefix(d.Pos.File, "management:eu-west-1/restapis/"+id+"/")
		}) {
			t.Errorf("nobody is told of %s: %v", id, after.Diagnostics)
		}
	}
	// Mended, it is served again.
	put(t, f.store, "new", "HTTP_PROXY")
	for range 10 {
		if after = f.Load(t.Context(), []string{file}); after.Snapshot != nil && after.Snapshot.API("new") != nil {
			return
		}
		<-f.changed
	}
	t.Error("what was mended is not served")
}

func TestWhatIsRefusedLaterIsServedAsBefore(t *testing.T) {
	f := follow(t)
	put(t, f.store, "api1", "HTTP_PROXY")
	<-f.changed
	f.apis(t)
	f.Served()
	put(t, f.store, "api1", "HTTP")
	put(t, f.store, "api2", "HTTP_PROXY")
	result := f.Load(t.Context(), nil)
	for result.Snapshot == nil || result.Snapshot.API("api2") == nil {
		<-f.changed
		result = f.Load(t.Context(), nil)
	}
	// As a translation or an Envoy would say.
	var ds gateway.Diagnostics
	for _, id := range []string{"api1", "api2"} {
		ds.Errorf("envoy-refused", result.Snapshot.API(id).Source, "", "", "no")
	}
	if !f.Refuse(ds) {
		t.Fatal("nothing is to be loaded again")
	}
	result = f.Load(t.Context(), nil)
	if result.Snapshot == nil || result.Snapshot.API("api2") != nil || !strings.Contains(uri(t, result.Snapshot, "api1"), "HTTP_PROXY") {
		t.Errorf("afterwards: %v %v", uri(t, result.Snapshot, "api1"), result.Diagnostics)
	}
	f.Retry(false)
	if result = f.Load(t.Context(), nil); result.Snapshot.API("api2") == nil {
		t.Error("it is not tried again")
	}
}

func TestErrorsOfFilesStayErrors(t *testing.T) {
	f := follow(t)
	put(t, f.store, "stored1", "HTTP_PROXY")
	<-f.changed
	result := f.Load(t.Context(), []string{filepath.Join(t.TempDir(), "missing.yaml")})
	if result.Snapshot != nil || !result.Diagnostics.HasErrors() {
		t.Errorf("loaded %v", result.Diagnostics)
	}
}

// TestFilesWithErrors hold up nothing of what is stored: it is served beside the files as
// they were.
func TestFilesWithErrors(t *testing.T) {
	f := follow(t)
	file := fileOf(t, "filed")
	put(t, f.store, "first", "HTTP_PROXY")
	<-f.changed
	if ids, _ := f.apis(t, file); !slices.Equal(ids, []string{"filed", "first"}) {
		t.Fatal(ids)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("apis: [{name: filed, nonsense: 1}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	// That the file is wrong is an error as long as nothing else has changed.
	if result := f.Load(t.Context(), []string{file}); result.Snapshot != nil || !result.Diagnostics.HasErrors() {
		t.Errorf("a file with errors is loaded: %v", result.Diagnostics)
	}
	put(t, f.store, "second", "HTTP_PROXY")
	<-f.changed
	ids, ds := f.apis(t, file)
	if !slices.Equal(ids, []string{"filed", "first", "second"}) {
		t.Errorf("beside a file with errors there are %v", ids)
	}
	if ds.HasErrors() || !slices.ContainsFunc(ds, func(d gateway.Diagnostic) bool { return d.Code == "files-refused" && d.Pos.File == file }) {
		t.Errorf("of the file is told: %v", ds)
	}
	// What is stored and cannot be served is left out all the same.
	put(t, f.store, "third", "NONSENSE")
	<-f.changed
	take(t, f.store, "first")
	<-f.changed
	if ids, ds = f.apis(t, file); !slices.Equal(ids, []string{"filed", "second"}) || !slices.ContainsFunc(ds, func(d gateway.Diagnostic) bool { return d.Code == "stored-api-refused" }) {
		t.Errorf("beside a file with errors there are %v: %v", ids, ds)
	}
	if err := os.WriteFile(file, append(good, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if ids, ds = f.apis(t, file); !slices.Equal(ids, []string{"filed", "second"}) || slices.ContainsFunc(ds, func(d gateway.Diagnostic) bool { return d.Code == "files-refused" }) {
		t.Errorf("with a file that was mended there are %v: %v", ids, ds)
	}
}
