package source_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/management/restapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

// petsContent is an API with one method, whose backend tells deployments apart.
func petsContent(backend string) restapi.Content {
	return restapi.Content{
		API: restapi.RestAPI{ID: "a1b2c3d4e5", Name: "pets", APIKeySource: "HEADER"},
		Resources: []restapi.Resource{
			{ID: "root", Path: "/"},
			{ID: "pet", ParentID: "root", PathPart: "{id}", Path: "/{id}", ResourceMethods: map[string]restapi.Method{
				"GET": {
					HTTPMethod: "GET", AuthorizationType: "NONE", RequestParameters: map[string]bool{"method.request.path.id": true},
					MethodIntegration: &restapi.Integration{
						Type: "HTTP_PROXY", HTTPMethod: "GET", URI: backend + "/${stageVariables.version}/{id}", ConnectionType: "INTERNET",
						RequestParameters: map[string]string{"integration.request.path.id": "method.request.path.id"},
						TimeoutInMillis:   29000, CacheNamespace: "pet", PassthroughBehavior: "WHEN_NO_MATCH",
					},
				},
			}},
		},
	}
}

func put(t *testing.T, s store.Store, documents map[string]any) {
	t.Helper()
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for key, v := range documents {
			data, isText := v.(string)
			if !isText {
				encoded, err := json.Marshal(v)
				if err != nil {
					return err
				}
				data = string(encoded)
			}
			tx.Put(key, []byte(data))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func render(t *testing.T, r *source.Renderer, s store.Store, changed []string) source.Files {
	t.Helper()
	var files source.Files
	err := s.View(t.Context(), func(reader store.Reader) (err error) {
		files, err = r.Render(reader, changed)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// load loads rendered files as the control plane does.
func load(t *testing.T, files source.Files) *gateway.Snapshot {
	t.Helper()
	loader := definition.NewLoader(definition.Options{
		ReadFile: func(name string) ([]byte, error) {
			if data, ok := files.Content[name]; ok {
				return data, nil
			}
			return nil, errors.New("it does not exist")
		},
		Foreign: source.IsVirtual,
	})
	result := loader.Load(t.Context(), files.Paths)
	if result.Snapshot == nil {
		t.Fatal(result.Diagnostics)
	}
	if len(result.Diagnostics) > 0 {
		t.Errorf("what is rendered is warned of: %v", result.Diagnostics)
	}
	return result.Snapshot
}

func petsStage(deployment string) restapi.Stage {
	rate, burst := 50.0, 10
	return restapi.Stage{
		StageName: "prod", DeploymentID: deployment, Variables: map[string]string{"version": "v1"},
		MethodSettings: map[string]restapi.MethodSetting{
			"*/*":           {ThrottlingRateLimit: &rate},
			"~1{id}/GET":    {ThrottlingRateLimit: &rate, ThrottlingBurstLimit: &burst},
			"gone/GET":      {ThrottlingBurstLimit: &burst},
			"~1{id}/DELETE": {ThrottlingBurstLimit: &burst},
		},
		CanarySettings: &restapi.CanarySettings{PercentTraffic: 12.5, DeploymentID: "d2", StageVariableOverrides: map[string]string{"version": "v2"}, UseStageCache: true},
	}
}

func TestStagesPinDeployments(t *testing.T) {
	s := store.NewMemory()
	const key = "eu-west-1/restapis/a1b2c3d4e5"
	put(t, s, map[string]any{
		key: petsContent("").API, key + "/contents/d1": petsContent("http://127.0.0.1:9101"), key + "/contents/d2": petsContent("http://127.0.0.1:9102"),
		key + "/contents/d3": "no stage refers to this", key + "/stages/prod": petsStage("d1"),
	})
	api := load(t, render(t, source.NewRenderer(), s, nil)).API("a1b2c3d4e5")
	if api == nil || len(api.Stages) != 1 {
		t.Fatalf("%+v", api)
	}
	stage := &api.Stages[0]
	if uri := stage.Deployment.Routes[0].Integration.URI; uri != "http://127.0.0.1:9101/${stageVariables.version}/{id}" {
		t.Errorf("the stage calls %s", uri)
	}
	if c := stage.Canary; c == nil || c.Percent != 12.5 || c.Variables["version"] != "v2" || !strings.HasPrefix(c.Deployment.Routes[0].Integration.URI, "http://127.0.0.1:9102") {
		t.Errorf("the canary is %+v", stage.Canary)
	}
	if stage.Canary.UseStageCache {
		t.Error("the canary uses a cache that the stage does not have")
	}
	cached := petsStage("d1")
	cached.CacheClusterEnabled, cached.CanarySettings.PercentTraffic = true, 5
	put(t, s, map[string]any{key + "/stages/prod": cached})
	if again := load(t, render(t, source.NewRenderer(), s, nil)).API("a1b2c3d4e5").Stages[0]; again.Cache == nil || !again.Canary.UseStageCache {
		t.Errorf("the canary of a stage with a cache is %+v", again.Canary)
	}
	if got := stage.RouteThrottle("GET /{id}"); got == nil || got.Rate != 50 || got.Burst != 10 {
		t.Errorf("the route's throttle is %+v", got)
	}
	if got := stage.RouteThrottle("GET /other"); got == nil || got.Rate != 50 || got.Burst != 5000 {
		t.Errorf("the throttle of other routes is %+v", got)
	}
}

// TestThrottlesOfMethods: Terraform sends -1 for what its file leaves out, which takes
// nothing from what it says.
func TestThrottlesOfMethods(t *testing.T) {
	s := store.NewMemory()
	const key = "eu-west-1/restapis/a1b2c3d4e5"
	content := petsContent("http://127.0.0.1:9101")
	put(t, s, map[string]any{key: content.API, key + "/contents/d1": content})
	number := func(n float64) *float64 { return &n }
	whole := func(n int) *int { return &n }
	type set = restapi.MethodSetting
	type limit struct {
		rate  float64
		burst int64
	}
	for name, c := range map[string]struct {
		all, method set
		want        *limit
	}{
		"nothing":                     {set{}, set{}, nil},
		"none":                        {set{ThrottlingRateLimit: number(-1), ThrottlingBurstLimit: whole(-1)}, set{}, nil},
		"a rate":                      {set{ThrottlingRateLimit: number(0.5), ThrottlingBurstLimit: whole(-1)}, set{}, &limit{0.5, 5000}},
		"a burst":                     {set{ThrottlingRateLimit: number(-1), ThrottlingBurstLimit: whole(7)}, set{}, &limit{10000, 7}},
		"both":                        {set{ThrottlingRateLimit: number(2.7), ThrottlingBurstLimit: whole(0)}, set{}, &limit{2.7, 0}},
		"a method's rate":             {set{ThrottlingRateLimit: number(0.5)}, set{ThrottlingRateLimit: number(3), ThrottlingBurstLimit: whole(-1)}, &limit{3, 5000}},
		"a method without a limit":    {set{ThrottlingRateLimit: number(0.5)}, set{ThrottlingRateLimit: number(-1), ThrottlingBurstLimit: whole(-1)}, &limit{10000, 5000}},
		"a method's that is not said": {set{ThrottlingRateLimit: number(0.5)}, set{CacheTTLInSeconds: 5}, &limit{0.5, 5000}},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, s, map[string]any{key + "/stages/prod": restapi.Stage{StageName: "prod", DeploymentID: "d1", Variables: map[string]string{"version": "v1"},
				MethodSettings: map[string]restapi.MethodSetting{"*/*": c.all, "~1{id}/GET": c.method}}})
			var got *limit
			if throttle := load(t, render(t, source.NewRenderer(), s, nil)).API("a1b2c3d4e5").Stages[0].RouteThrottle("GET /{id}"); throttle != nil {
				got = &limit{throttle.Rate, throttle.Burst}
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(limit{})); diff != "" {
				t.Errorf("the throttle (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCaches: a stage with a cluster keeps answers as its method settings say, and routes
// that stream never do.
func TestCaches(t *testing.T) {
	s := store.NewMemory()
	const key = "eu-west-1/restapis/a1b2c3d4e5"
	content := petsContent("http://127.0.0.1:9101")
	streamed := content.Resources[1].ResourceMethods["GET"]
	streamed.MethodIntegration.ResponseTransferMode = "STREAM"
	content.Resources = append(content.Resources, restapi.Resource{ID: "kept", ParentID: "root", PathPart: "kept", Path: "/kept", ResourceMethods: map[string]restapi.Method{
		"GET": {HTTPMethod: "GET", AuthorizationType: "NONE", MethodIntegration: &restapi.Integration{Type: "HTTP_PROXY", HTTPMethod: "GET", URI: "http://127.0.0.1:9101/kept"}},
	}})
	setting := restapi.MethodSetting{CachingEnabled: true, CacheTTLInSeconds: 60, UnauthorizedCacheControlHeaderStrategy: "FAIL_WITH_403"}
	put(t, s, map[string]any{
		key: content.API, key + "/contents/d1": content,
		key + "/stages/prod": restapi.Stage{
			StageName: "prod", DeploymentID: "d1", CacheClusterEnabled: true, CacheClusterSize: "237", Variables: map[string]string{"version": "v1"},
			MethodSettings: map[string]restapi.MethodSetting{"*/*": setting},
		},
		key + "/stages/test": restapi.Stage{StageName: "test", DeploymentID: "d1", Variables: map[string]string{"version": "v1"}, MethodSettings: map[string]restapi.MethodSetting{"*/*": setting}},
	})
	api := load(t, render(t, source.NewRenderer(), s, nil)).API("a1b2c3d4e5")
	prod, test := api.Stage("prod"), api.Stage("test")
	if test.Cache != nil || prod.Cache == nil {
		t.Fatalf("caches are %+v and %+v", prod.Cache, test.Cache)
	}
	for i := range prod.Deployment.Routes {
		r := &prod.Deployment.Routes[i]
		kept := prod.RouteCache(r)
		if streams := strings.HasSuffix(r.Path, "{id}"); streams != (kept == nil) {
			t.Errorf("%s is kept as %+v", r.Key(), kept)
		}
		if kept != nil && (kept.TTLSeconds != 60 || kept.RequireAuthorization || kept.Unauthorized != "FAIL_WITH_403") {
			t.Errorf("%s is kept as %+v", r.Key(), kept)
		}
	}
}

func TestOnlyWhatChangedIsRendered(t *testing.T) {
	s := store.NewMemory()
	const first, second = "eu-west-1/restapis/a1b2c3d4e5", "us-east-1/restapis/f6g7h8i9j0"
	other := petsContent("http://127.0.0.1:9103")
	other.API.ID = "f6g7h8i9j0"
	stage := petsStage("d1")
	stage.CanarySettings = nil
	put(t, s, map[string]any{
		first: petsContent("").API, first + "/contents/d1": petsContent("http://127.0.0.1:9101"), first + "/stages/prod": stage,
		second: other.API, second + "/contents/d1": other, second + "/stages/prod": stage,
	})
	r := source.NewRenderer()
	before := render(t, r, s, nil)
	// What is not said to have changed is not read again.
	put(t, s, map[string]any{second + "/stages/prod": "not JSON", first + "/stages/test": restapi.Stage{StageName: "test", DeploymentID: "d1", Variables: stage.Variables}})
	after := render(t, r, s, []string{first + "/stages/test"})
	snapshot := load(t, after)
	if len(snapshot.API("a1b2c3d4e5").Stages) != 2 || snapshot.API("f6g7h8i9j0") == nil || len(after.Problems) != 0 {
		t.Errorf("%+v", after.Problems)
	}
	// A broken API stays as it was, and disturbs no other.
	broken := render(t, r, s, nil)
	if broken.Problems[second] == nil || len(load(t, broken).APIs) != len(load(t, before).APIs) {
		t.Errorf("%+v", broken.Problems)
	}
	// One that is deleted is gone.
	err := s.Update(t.Context(), func(tx store.Tx) error { tx.Delete(first); tx.DeleteAll(first + "/"); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if gone := load(t, render(t, r, s, []string{first})); gone.API("a1b2c3d4e5") != nil || gone.API("f6g7h8i9j0") == nil {
		t.Error("the deleted API is served on")
	}
}
