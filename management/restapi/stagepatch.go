package restapi

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// stagePatches are the places of a stage with a name of their own; what else begins like
// the path of a method is a method setting.
var stagePatches = []patchRule[Stage]{
	{"/deploymentId", opReplace, patchText(func(s *Stage) *string { return &s.DeploymentID })},
	{"/description", opReplace, patchText(func(s *Stage) *string { return &s.Description })},
	{"/cacheClusterEnabled", opReplace, patchBool(func(s *Stage) *bool { return &s.CacheClusterEnabled })},
	{"/cacheClusterSize", opReplace, patchText(func(s *Stage) *string { return &s.CacheClusterSize })},
	{"/clientCertificateId", opReplace, patchText(func(s *Stage) *string { return &s.ClientCertificateID })},
	{"/tracingEnabled", opReplace, patchBool(func(s *Stage) *bool { return &s.TracingEnabled })},
	{"/documentationVersion", opReplace, patchText(func(s *Stage) *string { return &s.DocumentationVersion })},
	{"/variables/{}", "add replace remove", patchVariable(func(s *Stage) *map[string]string { return &s.Variables })},
	{"/accessLogSettings", "remove", func(s *Stage, _ patchOperation, _ []string) error {
		s.AccessLogSettings = nil
		return nil
	}},
	{"/accessLogSettings/destinationArn", "add replace", patchAccessLog(func(a *AccessLogSettings) *string { return &a.DestinationARN })},
	{"/accessLogSettings/format", "add replace", patchAccessLog(func(a *AccessLogSettings) *string { return &a.Format })},
	{"/canarySettings", "remove", func(s *Stage, _ patchOperation, _ []string) error {
		s.CanarySettings = nil
		return nil
	}},
	{"/canarySettings/percentTraffic", opReplace, func(s *Stage, o patchOperation, _ []string) (err error) {
		canaryOf(s).PercentTraffic, err = number(o)
		return err
	}},
	{"/canarySettings/deploymentId", opReplace, patchText(func(s *Stage) *string { return &canaryOf(s).DeploymentID })},
	{"/canarySettings/useStageCache", opReplace, patchBool(func(s *Stage) *bool { return &canaryOf(s).UseStageCache })},
	{"/canarySettings/stageVariableOverrides", opReplace, func(s *Stage, _ patchOperation, _ []string) error {
		canaryOf(s).StageVariableOverrides = nil
		return nil
	}},
	{"/canarySettings/stageVariableOverrides/{}", "add replace remove", patchVariable(func(s *Stage) *map[string]string { return &canaryOf(s).StageVariableOverrides })},
}

// patchVariable changes a variable. Removing one that is not there does nothing.
func patchVariable(field func(*Stage) *map[string]string) func(*Stage, patchOperation, []string) error {
	return func(s *Stage, o patchOperation, names []string) error {
		if _, ok := (*field(s))[names[0]]; o.Op == "remove" && !ok {
			return nil
		}
		return changeEntry(field(s), o, names[0], o.text(), "")
	}
}

func patchAccessLog(field func(*AccessLogSettings) *string) func(*Stage, patchOperation, []string) error {
	return func(s *Stage, o patchOperation, _ []string) error {
		if o.text() == "" {
			return restjson.BadRequest("Access Log value must not be empty")
		}
		if s.AccessLogSettings == nil {
			s.AccessLogSettings = &AccessLogSettings{}
		}
		*field(s.AccessLogSettings) = o.text()
		return nil
	}
}

// canaryOf gives the canary of a stage, which begins with its own deployment.
func canaryOf(s *Stage) *CanarySettings {
	if s.CanarySettings == nil {
		s.CanarySettings = &CanarySettings{DeploymentID: s.DeploymentID}
	}
	return s.CanarySettings
}

// newMethodSetting is a setting that nothing is set of.
func newMethodSetting() MethodSetting {
	return MethodSetting{
		LoggingLevel: "OFF", CacheTTLInSeconds: 300, RequireAuthorizationForCacheControl: true,
		UnauthorizedCacheControlHeaderStrategy: "SUCCEED_WITH_RESPONSE_HEADER",
	}
}

// methodSettings are what of a method can be set, by the end of a path.
var methodSettings = []patchRule[MethodSetting]{
	{"/metrics/enabled", opReplace, patchBool(func(m *MethodSetting) *bool { return &m.MetricsEnabled })},
	{"/logging/dataTrace", opReplace, patchBool(func(m *MethodSetting) *bool { return &m.DataTraceEnabled })},
	{"/logging/loglevel", opReplace, patchChoice(func(m *MethodSetting) *string { return &m.LoggingLevel }, "loglevel", "OFF", "ERROR", "INFO")},
	{"/throttling/burstLimit", opReplace, func(m *MethodSetting, o patchOperation, _ []string) error {
		n, err := whole(o)
		if err == nil && n < -1 {
			err = restjson.BadRequest("Invalid value '%s' specified for %s: it must not be negative", o.text(), o.path())
		}
		m.ThrottlingBurstLimit = &n
		return err
	}},
	{"/throttling/rateLimit", opReplace, func(m *MethodSetting, o patchOperation, _ []string) error {
		n, err := number(o)
		if err == nil && (n < 0 && n != -1 || math.IsInf(n, 0)) {
			err = restjson.BadRequest("Invalid value '%s' specified for %s: it must not be negative", o.text(), o.path())
		}
		m.ThrottlingRateLimit = &n
		return err
	}},
	{"/caching/ttlInSeconds", opReplace, func(m *MethodSetting, o patchOperation, _ []string) (err error) {
		m.CacheTTLInSeconds, err = whole(o)
		if err == nil && (m.CacheTTLInSeconds < 0 || m.CacheTTLInSeconds > 3600) {
			err = restjson.BadRequest("Invalid cache TTL: it must be between 0 and 3600 seconds")
		}
		return err
	}},
	{"/caching/enabled", opReplace, patchBool(func(m *MethodSetting) *bool { return &m.CachingEnabled })},
	{"/caching/dataEncrypted", opReplace, patchBool(func(m *MethodSetting) *bool { return &m.CacheDataEncrypted })},
	{"/caching/requireAuthorizationForCacheControl", opReplace, patchBool(func(m *MethodSetting) *bool { return &m.RequireAuthorizationForCacheControl })},
	{"/caching/unauthorizedCacheControlHeaderStrategy", opReplace, patchChoice(func(m *MethodSetting) *string { return &m.UnauthorizedCacheControlHeaderStrategy },
		"unauthorizedCacheControlHeaderStrategy", "FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER")},
}

// patchStage makes the changes of an update, the copies of a promotion among them.
func patchStage(stage *Stage, operations []patchOperation) error {
	for _, o := range operations {
		path := o.path()
		var err error
		switch rule, _, known := findRule(stagePatches, o); {
		case o.Op == "copy":
			err = promote(stage, o)
		case known && slices.Contains(strings.Fields(rule.ops), o.Op):
			err = applyPatch(stage, []patchOperation{o}, pathOnly, stagePatches)
		case known && o.Op == "add":
			err = restjson.BadRequest("Invalid add operation with path: %s", path)
		case strings.HasPrefix(path, "/accessLogSettings/"):
			err = restjson.BadRequest("Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]")
		case o.Op == "remove" && (known || strings.HasPrefix(path, "/canarySettings/")):
			err = noMethodSetting(path)
		default:
			err = patchMethodSetting(stage, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func noMethodSetting(path string) error {
	return restjson.BadRequest("Cannot remove method setting %s because there is no method setting for this method ", path)
}

// promote copies what a canary has to its stage.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/promote-canary-deployment.html
func promote(stage *Stage, o patchOperation) error {
	canary := stage.CanarySettings
	if canary == nil {
		return restjson.BadRequest("Promotion not available. Canary does not exist.")
	}
	switch {
	case o.From == "/canarySettings/deploymentId" && o.path() == "/deploymentId":
		stage.DeploymentID = canary.DeploymentID
	case o.From == "/canarySettings/stageVariableOverrides" && o.path() == "/variables":
		if stage.Variables == nil {
			stage.Variables = map[string]string{}
		}
		maps.Copy(stage.Variables, canary.StageVariableOverrides)
	default:
		return restjson.BadRequest("Invalid copy operation with path: %s and from %s. Valid copy:path are [/deploymentId, /variables] and valid copy:from are [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]", o.path(), o.From)
	}
	return nil
}

// patchMethodSetting changes the settings of a method: /{path}/{method}/{setting}, or
// all of them at once by their removal.
func patchMethodSetting(stage *Stage, o patchOperation) error {
	path := o.path()
	// The resource's path may be one segment, as in "/~1pets~1{id}/GET", or several, as
	// Terraform sends them: "/pets/{id}/GET". The keys of the settings are of the second
	// form, without the first slash, and the root is "/GET".
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	setting := ""
	if n := len(segments) - 2; o.Op != "remove" && n > 0 {
		segments, setting = segments[:n], "/"+strings.Join(segments[n:], "/")
	}
	method := segments[len(segments)-1]
	key := strings.TrimPrefix(unescapePointer(strings.Join(segments[:len(segments)-1], "/")), "/") + "/" + method
	if o.Path == nil || len(segments) < 2 || method != "*" && !slices.Contains(httpMethods, method) {
		return invalidMethodSetting(path)
	}
	if o.Op == "remove" {
		if _, ok := stage.MethodSettings[key]; !ok {
			return noMethodSetting(path)
		}
		delete(stage.MethodSettings, key)
		return nil
	}
	change := o
	change.Path = &setting
	if _, _, ok := findRule(methodSettings, change); !ok {
		return invalidMethodSetting(path)
	}
	settings, ok := stage.MethodSettings[key]
	if !ok {
		settings = newMethodSetting()
		// What is set of all methods holds for one as well, as long as it is not set there.
		if all, ok := stage.MethodSettings["*/*"]; ok && key != "*/*" {
			settings = all
		}
	}
	if err := applyPatch(&settings, []patchOperation{change}, pathOnly, methodSettings); err != nil {
		return err
	}
	if stage.MethodSettings == nil {
		stage.MethodSettings = map[string]MethodSetting{}
	}
	stage.MethodSettings[key] = settings
	return nil
}

func invalidMethodSetting(path string) error {
	names := make([]string, 0, len(stagePatches)+len(methodSettings))
	for _, r := range stagePatches {
		names = append(names, strings.ReplaceAll(r.path, "{}", "{name}"))
	}
	for _, r := range methodSettings {
		names = append(names, fmt.Sprintf("/{resourcePath}/{httpMethod}%s", r.path))
	}
	return restjson.BadRequest("Invalid method setting path: %s. Must be one of: [%s]", path, strings.Join(names, ", "))
}

func (s *Service) updateStage(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Stage, error) {
		key, folder, stage, err := stageOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := patchStage(stage, operations); err != nil {
			return nil, err
		}
		if err := checkStage(tx, folder, stage); err != nil {
			return nil, err
		}
		stage.LastUpdatedDate = now()
		if err := store.WriteDocument(tx, key, stage); err != nil {
			return nil, err
		}
		return stage, s.check(ctx, tx, c)
	})
}
