package httpapi

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

var stageMembers = []string{
	"accessLogSettings", "autoDeploy", "clientCertificateId", "defaultRouteSettings", "deploymentId", "description", "routeSettings",
	"stageName", "stageVariables", "tags",
}

var errUnknownStage = notFound("Stage", "Invalid stage identifier specified")

func (s *Service) stageOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/stages"
	return []restjson.Operation{
		{Name: "GetStages", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getStages},
		{Name: "CreateStage", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createStage},
		{Name: "GetStage", Method: http.MethodGet, Path: path + "/{stageName}", Status: http.StatusOK, Do: s.getStage},
		{Name: "UpdateStage", Method: http.MethodPatch, Path: path + "/{stageName}", Status: http.StatusOK, Do: s.updateStage},
		{Name: "DeleteStage", Method: http.MethodDelete, Path: path + "/{stageName}", Status: http.StatusNoContent, Do: s.deleteStage},
		{Name: "DeleteAccessLogSettings", Method: http.MethodDelete, Path: path + "/{stageName}/accesslogsettings", Status: http.StatusNoContent, Do: s.deleteAccessLogSettings},
		{Name: "DeleteRouteSettings", Method: http.MethodDelete, Path: path + "/{stageName}/routesettings/{routeKey}", Status: http.StatusNoContent, Do: s.deleteRouteSettings},
		{Name: "ResetAuthorizersCache", Method: http.MethodDelete, Path: path + "/{stageName}/cache/authorizers", Status: http.StatusNoContent, Do: s.resetAuthorizersCache},
	}
}

func stagePart(r store.Reader, c *restjson.Call) (*API, *Stage, error) {
	api, err := getAPI(r, c)
	if err != nil {
		return nil, nil, err
	}
	if !isName(c.Params["stageName"]) {
		return nil, nil, errUnknownStage
	}
	stage, err := get[Stage](r, apiKey(c)+"/stages/"+c.Params["stageName"], errUnknownStage)
	return api, stage, err
}

// fill gives a stage what answers have in any case.
func (s *Stage) fill(a *API) {
	if s.DefaultRouteSettings == nil {
		s.DefaultRouteSettings = &RouteSettings{}
	}
	if a.ProtocolType == protocolWebSocket && s.DefaultRouteSettings.LoggingLevel == "" {
		s.DefaultRouteSettings.LoggingLevel = "OFF"
	}
	if s.RouteSettings == nil {
		s.RouteSettings = map[string]RouteSettings{}
	}
	if s.StageVariables == nil {
		s.StageVariables = map[string]string{}
	}
	if s.Tags == nil {
		s.Tags = map[string]string{}
	}
}

func (s *Service) getStages(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[Stage], error) {
		if _, err := getAPI(r, c); err != nil {
			return nil, err
		}
		return list[Stage](r, c, apiKey(c)+"/stages/", nil)
	})
}

func (s *Service) getStage(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Stage, error) {
		_, stage, err := stagePart(r, c)
		return stage, err
	})
}

func (s *Service) createStage(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, stageMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Stage, error) {
		api, err := getAPI(tx, c)
		if err != nil {
			return nil, err
		}
		stage := &Stage{CreatedDate: s.timestamp()}
		if err := in.into(stage); err != nil {
			return nil, err
		}
		stage.fill(api)
		var p problems
		in.require(&p, "stageName")
		if in.has("stageName") {
			checkStageName(&p, api, stage.StageName)
		}
		if err := checkStage(&p, tx, c, api, stage, in); err != nil {
			return nil, err
		}
		key := apiKey(c) + "/stages/" + stage.StageName
		if _, err := get[Stage](tx, key, errUnknownStage); err != errUnknownStage {
			if err == nil {
				err = restjson.Conflict("Stage already exists")
			}
			return nil, err
		}
		if err := s.putStage(ctx, tx, c, stage, stage.AutoDeploy); err != nil {
			return nil, err
		}
		return get[Stage](tx, key, errUnknownStage)
	})
}

func (s *Service) updateStage(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, without(stageMembers, "stageName", "tags")...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Stage, error) {
		api, stage, err := stagePart(tx, c)
		if err != nil {
			return nil, err
		}
		automatic := stage.AutoDeploy
		if err := in.into(stage); err != nil {
			return nil, err
		}
		// Settings without any member are how Terraform takes the log away: it never calls
		// DeleteAccessLogSettings, and would see the settings come back at each of its plans.
		if log := stage.AccessLogSettings; log != nil && *log == (AccessLogSettings{}) {
			stage.AccessLogSettings = nil
		}
		stage.fill(api)
		dropEmpty(stage.StageVariables)
		if stage.APIGatewayManaged && !stage.AutoDeploy {
			return nil, restjson.BadRequest("autoDeploy cannot be disabled for a stage that API Gateway manages")
		}
		var p problems
		if err := checkStage(&p, tx, c, api, stage, in); err != nil {
			return nil, err
		}
		if err := s.putStage(ctx, tx, c, stage, stage.AutoDeploy && !automatic); err != nil {
			return nil, err
		}
		return get[Stage](tx, apiKey(c)+"/stages/"+stage.StageName, errUnknownStage)
	})
}

// putStage writes a stage, deploys to it if it has begun to ask for that, and checks that
// the gateway can serve it.
func (s *Service) putStage(ctx context.Context, tx store.Tx, c *restjson.Call, stage *Stage, deploy bool) error {
	stage.LastUpdatedDate = s.timestamp()
	if err := store.WriteDocument(tx, apiKey(c)+"/stages/"+stage.StageName, stage); err != nil {
		return err
	}
	if deploy {
		if err := s.autoDeploy(tx, apiKey(c), []Stage{*stage}); err != nil {
			return err
		}
	}
	return s.check(ctx, tx, apiKey(c))
}

func (s *Service) deleteStage(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, stage, err := stagePart(tx, c)
		if err != nil {
			return err
		}
		mapped, err := mappingOf(tx, c.Region, c.Params["apiId"], stage.StageName)
		if err != nil {
			return err
		}
		if mapped != "" {
			return restjson.BadRequest("Deleting the stage failed. Please remove all API mappings related to the stage in your domains: %s", mapped)
		}
		tx.Delete(apiKey(c) + "/stages/" + stage.StageName)
		return nil
	})
}

func (s *Service) deleteAccessLogSettings(ctx context.Context, c *restjson.Call) (any, error) {
	return s.changeStage(ctx, c, func(stage *Stage) error {
		stage.AccessLogSettings = nil
		return nil
	})
}

func (s *Service) deleteRouteSettings(ctx context.Context, c *restjson.Call) (any, error) {
	return s.changeStage(ctx, c, func(stage *Stage) error {
		key := c.Params["routeKey"]
		if _, ok := stage.RouteSettings[key]; !ok {
			return notFound("RouteSettings", "Unable to find Route by key %s within the provided RouteSettings", shorten(key))
		}
		delete(stage.RouteSettings, key)
		return nil
	})
}

// changeStage changes a stage in a way that needs no check of what it gives.
func (s *Service) changeStage(ctx context.Context, c *restjson.Call, change func(*Stage) error) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, stage, err := stagePart(tx, c)
		if err != nil {
			return err
		}
		if err := change(stage); err != nil {
			return err
		}
		return s.putStage(ctx, tx, c, stage, false)
	})
}

// resetAuthorizersCache has the answers of authorizers forgotten.
func (s *Service) resetAuthorizersCache(ctx context.Context, c *restjson.Call) (any, error) {
	if _, err := s.getStage(ctx, c); err != nil {
		return nil, err
	}
	if s.Caches == nil {
		return nil, nil
	}
	return nil, s.Caches.FlushAuthorizers(ctx, c.Params["apiId"], c.Params["stageName"])
}

// dropRouteSettings forgets the settings that stages have for a route which is gone.
func dropRouteSettings(tx store.Tx, key, routeKey string) error {
	stages, err := store.ReadDocuments[Stage](tx, key+"/stages/")
	if err != nil {
		return err
	}
	for _, stage := range stages {
		if _, ok := stage.RouteSettings[routeKey]; !ok {
			continue
		}
		delete(stage.RouteSettings, routeKey)
		if err := store.WriteDocument(tx, key+"/stages/"+stage.StageName, &stage); err != nil {
			return err
		}
	}
	return nil
}

var (
	stageName     = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	variableName  = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	variableValue = regexp.MustCompile(`^[A-Za-z0-9\-._~:/?#&=,]+$`)
)

// Amazon's limits of stage variables.
const (
	maxVariables      = 100
	maxVariableLength = 512
)

func checkStageName(p *problems, a *API, name string) {
	p.length("stageName", name, 1, 128)
	switch {
	case name == defaultStage && a.ProtocolType != protocolHTTP:
		p.add("The stage name $default is supported only for APIs with a protocol type of HTTP")
	case name != defaultStage && name != "" && !stageName.MatchString(name):
		p.add("Stage name only allows a-zA-Z0-9_- or $default")
	}
}

// checkStage checks a stage, and that what it refers to is there.
func checkStage(p *problems, r store.Reader, c *restjson.Call, a *API, stage *Stage, in input) error {
	c.About = a.ProtocolType
	p.length("description", stage.Description, 0, 1024)
	p.tags(stage.Tags)
	checkVariables(p, stage.StageVariables)
	checkAccessLog(p, stage.AccessLogSettings)
	if stage.DefaultRouteSettings != nil {
		checkRouteSettings(p, a, "defaultRouteSettings", stage.DefaultRouteSettings)
	}
	for _, key := range slices.Sorted(maps.Keys(stage.RouteSettings)) {
		settings := stage.RouteSettings[key]
		checkRouteSettings(p, a, "routeSettings."+key, &settings)
	}
	if stage.ClientCertificateID != "" {
		if a.ProtocolType == protocolWebSocket {
			p.add("clientCertificateId is not supported by Gatehouse: the integrations of WebSocket APIs show no certificate")
		} else {
			p.add("clientCertificateId is supported only for APIs with a protocol type of WEBSOCKET")
		}
	}
	if stage.AutoDeploy && in.has("deploymentId") {
		p.add("Deployment ID cannot be set or updated because Stage has autoDeploy enabled")
	}
	if err := p.err(); err != nil {
		return err
	}
	return checkStageReferences(r, c, stage, in)
}

func checkStageReferences(r store.Reader, c *restjson.Call, stage *Stage, in input) error {
	if stage.DeploymentID != "" && in.has("deploymentId") {
		if _, err := get[Deployment](r, apiKey(c)+"/deployments/"+stage.DeploymentID, restjson.BadRequest("Deployment id does not exist")); err != nil {
			return err
		}
	}
	if len(stage.RouteSettings) == 0 || !in.has("routeSettings") {
		return nil
	}
	routes, err := store.ReadDocuments[Route](r, apiKey(c)+"/routes/")
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(stage.RouteSettings)) {
		if !slices.ContainsFunc(routes, func(route Route) bool { return route.RouteKey == key }) {
			return notFound("Route", "Unable to find Route by key %s within the provided RouteSettings", shorten(key))
		}
	}
	return nil
}

func checkVariables(p *problems, variables map[string]string) {
	if n := len(variables); n > maxVariables {
		p.add("The number of stage variables %d exceeds the limit of %d", n, maxVariables)
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		p.length("stageVariables", name, 1, 64)
		if !variableName.MatchString(name) {
			p.add("Invalid stage variable name %s: only alphanumeric characters and underscores are allowed", shorten(name))
		}
		p.length("stageVariables."+name, variables[name], 0, maxVariableLength)
		if value := variables[name]; value != "" && !variableValue.MatchString(value) {
			p.add("Invalid stage variable value for %s: must match [A-Za-z0-9-._~:/?#&=,]+", name)
		}
	}
}
