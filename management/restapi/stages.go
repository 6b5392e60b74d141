package restapi

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) stageOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/stages"
	return []restjson.Operation{
		{Name: "CreateStage", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createStage},
		{Name: "GetStages", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getStages},
		{Name: "GetStage", Method: http.MethodGet, Path: path + "/{stage_name}", Status: http.StatusOK, Do: s.getStage},
		{Name: "UpdateStage", Method: http.MethodPatch, Path: path + "/{stage_name}", Status: http.StatusOK, Do: s.updateStage},
		{Name: "DeleteStage", Method: http.MethodDelete, Path: path + "/{stage_name}", Status: http.StatusAccepted, Do: s.deleteStage},
		{Name: "FlushStageCache", Method: http.MethodDelete, Path: path + "/{stage_name}/cache/data", Status: http.StatusAccepted, Do: s.flushStageCache},
		{Name: "FlushStageAuthorizersCache", Method: http.MethodDelete, Path: path + "/{stage_name}/cache/authorizers", Status: http.StatusAccepted, Do: s.flushStageAuthorizersCache},
	}
}

// Bounds and forms of a stage.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const (
	maxStages        = 100
	maxVariables     = 100
	maxVariableName  = 64
	maxVariableValue = 512
	maxLogFormat     = 3 << 10
)

var (
	stageNameForm     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	variableNameForm  = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	variableValueForm = regexp.MustCompile(`^[A-Za-z0-9\-._~:/?#&=,]*$`)
	cacheSizes        = []string{"0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"}
)

// newStage is a stage that nothing is set of.
func newStage(name string) *Stage {
	return &Stage{StageName: name, CacheClusterStatus: "NOT_AVAILABLE", MethodSettings: map[string]MethodSetting{}, CreatedDate: now(), LastUpdatedDate: now()}
}

// checkStage tells what of a stage is not possible, and says of its cache whether it is
// there.
func checkStage(r store.Reader, folder string, stage *Stage) error {
	if !stageNameForm.MatchString(stage.StageName) {
		return restjson.BadRequest("Stage name only allows a-zA-Z0-9_")
	}
	if len(stage.Variables) > maxVariables {
		return restjson.BadRequest("A stage can have at most %d variables", maxVariables)
	}
	if err := checkVariables(stage.Variables); err != nil {
		return err
	}
	deployments := []string{stage.DeploymentID}
	if canary := stage.CanarySettings; canary != nil {
		if p := canary.PercentTraffic; p != 0 && !(p >= gateway.LeastCanaryPercent && p <= 100) {
			return restjson.BadRequest("Invalid percentTraffic specified: it must be 0, or between %g and 100", gateway.LeastCanaryPercent)
		}
		if err := checkVariables(canary.StageVariableOverrides); err != nil {
			return err
		}
		deployments = append(deployments, canary.DeploymentID)
	}
	for _, id := range deployments {
		ok, err := hasRecord(r, folder+deploymentsFolder+id)
		if err != nil {
			return err
		}
		if !ok {
			return restjson.BadRequest("Deployment id does not exist")
		}
	}
	stage.CacheClusterStatus = "NOT_AVAILABLE"
	if stage.CacheClusterEnabled {
		if stage.CacheClusterSize == "" {
			stage.CacheClusterSize = cacheSizes[0]
		}
		if !slices.Contains(cacheSizes, stage.CacheClusterSize) {
			return restjson.BadRequest("Invalid cacheClusterSize specified. Valid options are %s", strings.Join(cacheSizes, ","))
		}
		// There is no machine to wait for: the cache is a part of the gateway.
		stage.CacheClusterStatus = "AVAILABLE"
	}
	if id := stage.ClientCertificateID; id != "" {
		region, _, _ := strings.Cut(folder, "/")
		ok, err := hasRecord(r, ClientCertificatesFolder(region)+id)
		if err != nil {
			return err
		}
		if !ok {
			return restjson.BadRequest("Invalid client certificate ID specified: %s", id)
		}
	}
	if log := stage.AccessLogSettings; log != nil {
		if err := checkLogFormat(log.Format); err != nil {
			return err
		}
	}
	if id := stage.DocumentationVersion; id != "" {
		ok, err := hasRecord(r, folder+versionsFolder+id)
		if err != nil {
			return err
		}
		if !ok {
			return restjson.BadRequest("Invalid Documentation version specified")
		}
	}
	return checkTags(stage.Tags)
}

// checkLogFormat tells what of an access log's format is not possible.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
func checkLogFormat(format string) error {
	switch {
	case format == "":
		return nil
	case len(format) > maxLogFormat:
		return restjson.BadRequest("Access Log format can have at most %d bytes", maxLogFormat)
	case strings.ContainsAny(strings.TrimRight(format, "\r\n"), "\r\n"):
		return restjson.BadRequest("Access Log format must be single line, new line character is allowed only at end of the format")
	case !strings.Contains(format, "$context.requestId") && !strings.Contains(format, "$context.extendedRequestId"):
		return restjson.BadRequest("Access Log format must contain $context.requestId or $context.extendedRequestId")
	}
	return nil
}

func checkVariables(variables map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		switch {
		case len(name) > maxVariableName || !variableNameForm.MatchString(name):
			return restjson.BadRequest("Stage variable name %s is not valid: it has at most %d letters, digits and underscores", name, maxVariableName)
		case len(value) > maxVariableValue || !variableValueForm.MatchString(value):
			return restjson.BadRequest("Stage variable value for %s is invalid. Please use values with alphanumeric characters and the symbols '-', '.', '_', '~', ':', '/', '?', '&', '=', and ','.", name)
		}
	}
	return nil
}

// roomForStage refuses one stage more than an API can have.
func roomForStage(r store.Reader, folder string) error {
	entries, err := r.List(folder + stagesFolder)
	if err == nil && len(entries) >= maxStages {
		err = limitExceeded("Maximum number of stages for this API has been reached. Please contact AWS if you need additional stages.")
	}
	return err
}

func (s *Service) createStage(ctx context.Context, c *restjson.Call) (any, error) {
	var in Stage
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if in.StageName == "" {
		return nil, restjson.BadRequest("Stage name must be non-empty")
	}
	return update(ctx, s, func(tx store.Tx) (*Stage, error) {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return nil, err
		}
		key := folder + stagesFolder + in.StageName
		taken, err := hasRecord(tx, key)
		if err != nil {
			return nil, err
		}
		if taken {
			return nil, restjson.Conflict("Stage already exists")
		}
		if err := roomForStage(tx, folder); err != nil {
			return nil, err
		}
		stage, err := copyOf(in)
		if err != nil {
			return nil, err
		}
		fresh := newStage(in.StageName)
		stage.MethodSettings, stage.CreatedDate, stage.LastUpdatedDate = fresh.MethodSettings, fresh.CreatedDate, fresh.LastUpdatedDate
		if stage.CanarySettings != nil && stage.CanarySettings.DeploymentID == "" {
			stage.CanarySettings.DeploymentID = stage.DeploymentID
		}
		if err := checkStage(tx, folder, &stage); err != nil {
			return nil, err
		}
		if err := store.WriteDocument(tx, key, stage); err != nil {
			return nil, err
		}
		return &stage, s.check(ctx, tx, c)
	})
}

// stageOf reads the stage that a call is about, with its key.
func stageOf(r store.Reader, c *restjson.Call) (key, folder string, stage *Stage, err error) {
	folder, err = apiFolder(r, c)
	if err != nil {
		return "", "", nil, err
	}
	key = folder + stagesFolder + c.Params["stage_name"]
	stage, err = readRecord[Stage](r, key, restjson.NotFound("Invalid stage identifier specified"))
	return key, folder, stage, err
}

func (s *Service) getStage(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Stage, error) {
		_, _, stage, err := stageOf(r, c)
		return stage, err
	})
}

func (s *Service) getStages(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[Stage], error) {
		folder, err := apiFolder(r, c)
		if err != nil {
			return page[Stage]{}, err
		}
		stages, err := store.ReadDocuments[Stage](r, folder+stagesFolder)
		if id := c.Query.Get("deploymentId"); id != "" {
			stages = slices.DeleteFunc(stages, func(stage Stage) bool {
				return stage.DeploymentID != id && (stage.CanarySettings == nil || stage.CanarySettings.DeploymentID != id)
			})
		}
		// All stages of an API are one page.
		return page[Stage]{Items: stages}, err
	})
}

func (s *Service) deleteStage(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, _, stage, err := stageOf(tx, c)
		if err != nil {
			return err
		}
		mapped, err := mappedDomains(tx, c.Region, c.Params["restapi_id"], stage.StageName)
		if err != nil {
			return err
		}
		if mapped != "" {
			return restjson.BadRequest("Deleting stage %s failed. Please remove all base path mappings related to the stage in your domains: %s.", stage.StageName, mapped)
		}
		tx.Delete(key)
		return nil
	})
}

func (s *Service) flushStageCache(ctx context.Context, c *restjson.Call) (any, error) {
	return s.flush(ctx, c, true, func(api, stage string) error { return s.caches.FlushData(ctx, api, stage) })
}

func (s *Service) flushStageAuthorizersCache(ctx context.Context, c *restjson.Call) (any, error) {
	return s.flush(ctx, c, false, func(api, stage string) error { return s.caches.FlushAuthorizers(ctx, api, stage) })
}

func (s *Service) flush(ctx context.Context, c *restjson.Call, data bool, flush func(api, stage string) error) (any, error) {
	err := s.store.View(ctx, func(r store.Reader) error {
		_, _, stage, err := stageOf(r, c)
		if err == nil && data && !stage.CacheClusterEnabled {
			err = restjson.BadRequest("Cache cluster is not enabled for this stage")
		}
		return err
	})
	if err != nil || s.caches == nil {
		return nil, err
	}
	return nil, flush(c.Params["restapi_id"], c.Params["stage_name"])
}
