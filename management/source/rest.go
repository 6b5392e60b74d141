package source

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

func restAPI(reader store.Reader, key string) (Files, error) {
	api, err := get[restapi.RestAPI](reader, key)
	if errors.Is(err, store.ErrNotFound) {
		return newFiles(), nil
	}
	if err != nil {
		return Files{}, err
	}
	stages, err := list[restapi.Stage](reader, key+"/stages/")
	if err != nil {
		return Files{}, err
	}
	contents := map[string]*restapi.Content{}
	documents := map[string][]byte{}
	read := func(deployment string) error {
		if contents[deployment] != nil {
			return nil
		}
		content, err := get[restapi.Content](reader, key+"/contents/"+deployment)
		if errors.Is(err, store.ErrNotFound) {
			return &brokenError{fmt.Errorf("a stage refers to the deployment %s, which is not there", deployment)}
		}
		if err != nil {
			return err
		}
		document, err := openapi.ServedREST(&content)
		if err != nil {
			return &brokenError{fmt.Errorf("the deployment %s: %w", deployment, err)}
		}
		contents[deployment], documents[deployment] = &content, document
		return nil
	}
	native := nativeAPI{Name: api.ID, ID: api.ID, Description: api.Description, Protocol: string(gateway.REST), Tags: api.Tags}
	for _, s := range stages {
		used := []string{s.DeploymentID}
		if s.CanarySettings != nil && s.CanarySettings.DeploymentID != "" {
			used = append(used, s.CanarySettings.DeploymentID)
		}
		routes := restRoutesOf{}
		for _, deployment := range used {
			if err := read(deployment); err != nil {
				return Files{}, err
			}
			routes.add(contents[deployment])
		}
		native.Stages = append(native.Stages, restStage(&s, routes))
	}
	return apiFiles(key, native, documents)
}

// restRoutesOf are the keys of an API's routes, such as "GET /pets", and whether each
// streams what it answers.
type restRoutesOf map[string]bool

func (routes restRoutesOf) add(c *restapi.Content) {
	for _, r := range c.Resources {
		for name, m := range r.ResourceMethods {
			key := name + " " + r.Path
			routes[key] = routes[key] || m.MethodIntegration != nil && m.MethodIntegration.ResponseTransferMode == "STREAM"
		}
	}
}

// logs reports whether a level has requests told about.
func logs(level string) bool {
	return level != "" && level != string(gateway.ExecutionOff)
}

func restStage(s *restapi.Stage, routes restRoutesOf) nativeStage {
	out := nativeStage{
		Name: s.StageName, Description: s.Description, Certificate: s.ClientCertificateID, Definition: documentName(s.DeploymentID), Variables: s.Variables,
		Routes: restRoutes(s, routes),
	}
	if s.CacheClusterEnabled {
		// The sizes of Amazon's clusters are none of a process's memory: the cache is as
		// large as one of our own files has it by default.
		out.Cache = &nativeCache{}
	}
	if l := s.AccessLogSettings; l != nil {
		out.AccessLog = accessLog(l.Format, gateway.REST)
	}
	if s.TracingEnabled {
		out.Tracing = &nativeTracing{Sampling: defaultSampling}
	}
	if c := s.CanarySettings; c != nil {
		out.Canary = &nativeCanary{Percent: c.PercentTraffic, Variables: c.StageVariableOverrides, UseStageCache: c.UseStageCache && s.CacheClusterEnabled}
		if c.DeploymentID != "" && c.DeploymentID != s.DeploymentID {
			out.Canary.Definition = documentName(c.DeploymentID)
		}
	}
	return out
}

// restRoutes gives the options of routes that a stage's method settings make. Settings
// of methods that the stage does not have wait for them without an effect.
func restRoutes(s *restapi.Stage, routes restRoutesOf) map[string]nativeRoute {
	settings, out := s.MethodSettings, map[string]nativeRoute{}
	// Settings of single methods come after those of all methods of a path.
	keys := slices.SortedFunc(maps.Keys(settings), func(a, b string) int {
		wildA, wildB := strings.HasSuffix(a, "/*"), strings.HasSuffix(b, "/*")
		if wildA != wildB {
			if wildA {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		setting := settings[key]
		t := throttle(setting.ThrottlingRateLimit, setting.ThrottlingBurstLimit)
		if t == nil && setting.ThrottlingRateLimit != nil && setting.ThrottlingBurstLimit != nil && key != "*/*" {
			// Both are -1: what holds for all methods does not hold for this one.
			t = &nativeThrottle{Rate: defaultRate, Burst: defaultBurst}
		}
		for _, route := range routesOf(key, routes) {
			options := out[route]
			if t != nil {
				options.Throttle = t
			}
			if setting.MetricsEnabled || settings["*/*"].MetricsEnabled {
				options.Metrics = metrics(setting.MetricsEnabled)
			}
			if logs(setting.LoggingLevel) || logs(settings["*/*"].LoggingLevel) {
				options.ExecutionLog = executionLog(setting.LoggingLevel, setting.DataTraceEnabled)
			}
			if s.CacheClusterEnabled {
				options.Cache = &nativeCache{
					Enabled: &setting.CachingEnabled, TTL: fmt.Sprintf("%ds", setting.CacheTTLInSeconds),
					RequireAuthorization: &setting.RequireAuthorizationForCacheControl, Unauthorized: setting.UnauthorizedCacheControlHeaderStrategy,
				}
			}
			if options != (nativeRoute{}) {
				out[route] = options
			}
		}
	}
	if s.CacheClusterEnabled {
		never := false
		for route, streams := range routes {
			if streams {
				// What streams is not kept, whatever the settings are.
				options := out[route]
				options.Cache = &nativeCache{Enabled: &never}
				out[route] = options
			}
		}
	}
	return out
}

// routesOf gives the routes that the key of a method setting means: "*/*" for all, else a
// path and a method, as in "~1pets~1{id}/GET" or "pets/{id}/GET".
func routesOf(key string, routes restRoutesOf) []string {
	at := strings.LastIndex(key, "/")
	if at < 0 {
		return nil
	}
	path, method := strings.ReplaceAll(strings.ReplaceAll(key[:at], "~1", "/"), "~0", "~"), key[at+1:]
	if path == "*" && method == "*" {
		return []string{"*"}
	}
	path = "/" + strings.TrimPrefix(path, "/")
	if method != "*" {
		route := method + " " + path
		if _, there := routes[route]; there {
			return []string{route}
		}
		return nil
	}
	var out []string
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		if strings.HasSuffix(route, " "+path) {
			out = append(out, route)
		}
	}
	return out
}
