package source

import (
	"cmp"
	"errors"
	"fmt"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
	"gatehouse/management/openapi"
	"gatehouse/management/store"
)

// httpAPI renders an HTTP or a WebSocket API.
func httpAPI(reader store.Reader, key string) (Files, error) {
	api, err := get[httpapi.API](reader, key)
	if errors.Is(err, store.ErrNotFound) {
		return newFiles(), nil
	}
	if err != nil {
		return Files{}, err
	}
	stages, err := list[httpapi.Stage](reader, key+"/stages/")
	if err != nil {
		return Files{}, err
	}
	native := nativeAPI{
		Name: api.APIID, ID: api.APIID, Description: api.Description, Protocol: api.ProtocolType, Tags: api.Tags,
		// It takes effect at once, unlike that of a REST API.
		DisableExecuteAPIEndpoint: api.DisableExecuteAPIEndpoint,
	}
	contents := map[string]*httpapi.Content{}
	documents := map[string][]byte{}
	for _, s := range stages {
		if s.DeploymentID == "" {
			continue // it waits for its first deployment
		}
		if contents[s.DeploymentID] == nil {
			content, document, err := httpDeployment(reader, key, s.DeploymentID)
			if err != nil {
				return Files{}, err
			}
			contents[s.DeploymentID], documents[s.DeploymentID] = content, document
		}
		native.Stages = append(native.Stages, httpStage(&s, contents[s.DeploymentID]))
	}
	return apiFiles(key, native, documents)
}

func httpDeployment(reader store.Reader, key, deployment string) (*httpapi.Content, []byte, error) {
	content, err := get[httpapi.Content](reader, key+"/contents/"+deployment)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, &brokenError{fmt.Errorf("a stage refers to the deployment %s, which is not there", deployment)}
	}
	if err != nil {
		return nil, nil, err
	}
	render := openapi.ServedHTTP
	if content.API.ProtocolType == string(gateway.WebSocket) {
		render = webSocketFile
	}
	document, err := render(&content)
	if err != nil {
		return nil, nil, &brokenError{fmt.Errorf("the deployment %s: %w", deployment, err)}
	}
	return &content, document, nil
}

func httpStage(s *httpapi.Stage, c *httpapi.Content) nativeStage {
	out := nativeStage{Name: s.StageName, Description: s.Description, Definition: documentName(s.DeploymentID), Variables: s.StageVariables}
	protocol := gateway.Protocol(c.API.ProtocolType)
	if l := s.AccessLogSettings; l != nil {
		out.AccessLog = accessLog(l.Format, protocol)
	}
	standard := cmp.Or(s.DefaultRouteSettings, &httpapi.RouteSettings{})
	set := func(route string, settings *httpapi.RouteSettings) {
		options := nativeRoute{Throttle: throttle(settings.ThrottlingRateLimit, settings.ThrottlingBurstLimit)}
		if settings.DetailedMetricsEnabled || standard.DetailedMetricsEnabled {
			options.Metrics = metrics(settings.DetailedMetricsEnabled)
		}
		if protocol == gateway.WebSocket && (logs(settings.LoggingLevel) || logs(standard.LoggingLevel)) {
			options.ExecutionLog = executionLog(settings.LoggingLevel, settings.DataTraceEnabled)
		}
		if options == (nativeRoute{}) {
			return
		}
		if out.Routes == nil {
			out.Routes = map[string]nativeRoute{}
		}
		out.Routes[route] = options
	}
	if s.DefaultRouteSettings != nil {
		set("*", s.DefaultRouteSettings)
	}
	for _, r := range c.Routes {
		// Settings of routes that there are not wait for them without an effect.
		if settings, ok := s.RouteSettings[r.Route.RouteKey]; ok {
			set(r.Route.RouteKey, &settings)
		}
	}
	return out
}
