package restapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) deploymentOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/deployments"
	return []restjson.Operation{
		{Name: "CreateDeployment", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createDeployment},
		{Name: "GetDeployments", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getDeployments},
		{Name: "GetDeployment", Method: http.MethodGet, Path: path + "/{deployment_id}", Status: http.StatusOK, Do: s.getDeployment},
		{Name: "UpdateDeployment", Method: http.MethodPatch, Path: path + "/{deployment_id}", Status: http.StatusOK, Do: s.updateDeployment},
		{Name: "DeleteDeployment", Method: http.MethodDelete, Path: path + "/{deployment_id}", Status: http.StatusAccepted, Do: s.deleteDeployment},
	}
}

// Folders of an API that are not edited, but deployed.
const (
	deploymentsFolder = "deployments/"
	// contentsFolder has the content of each deployment.
	contentsFolder = "contents/"
	stagesFolder   = "stages/"
)

// maxDeployments bounds what is kept of an API.
const maxDeployments = 10000

func (s *Service) createDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		StageName           *string                   `json:"stageName"`
		StageDescription    string                    `json:"stageDescription"`
		Description         string                    `json:"description"`
		CacheClusterEnabled bool                      `json:"cacheClusterEnabled"`
		CacheClusterSize    string                    `json:"cacheClusterSize"`
		Variables           map[string]string         `json:"variables"`
		CanarySettings      *DeploymentCanarySettings `json:"canarySettings"`
		TracingEnabled      bool                      `json:"tracingEnabled"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	var stageName string
	given := "null"
	if in.StageName != nil {
		stageName, given = *in.StageName, "blank"
	}
	if in.CanarySettings != nil && stageName == "" {
		return nil, restjson.BadRequest("Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is %s", given)
	}
	return update(ctx, s, func(tx store.Tx) (*Deployment, error) {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return nil, err
		}
		content, err := ReadContent(tx, c.Region, c.Params["restapi_id"])
		if err != nil {
			return nil, err
		}
		if err := deployable(content); err != nil {
			return nil, err
		}
		entries, err := tx.List(folder + deploymentsFolder)
		if err != nil {
			return nil, err
		}
		if len(entries) >= maxDeployments {
			return nil, limitExceeded("Maximum number of deployments for this API has been reached. Please delete deployments that no stage uses.")
		}
		d := &Deployment{ID: restjson.NewID(6), Description: in.Description, CreatedDate: now()}
		if err := store.WriteDocument(tx, folder+deploymentsFolder+d.ID, d); err != nil {
			return nil, err
		}
		if err := store.WriteDocument(tx, folder+contentsFolder+d.ID, content); err != nil {
			return nil, err
		}
		if stageName == "" {
			return d, s.checkDeployment(ctx, tx, c, d.ID)
		}
		key := folder + stagesFolder + stageName
		stage, err := readRecord[Stage](tx, key, errNone)
		switch {
		case err == errNone && in.CanarySettings != nil:
			return nil, restjson.BadRequest("Invalid deployment content specified.Stage %s must already be created before making a canary release deployment", stageName)
		case err == errNone:
			if err := roomForStage(tx, folder); err != nil {
				return nil, err
			}
			stage = newStage(stageName)
		case err != nil:
			return nil, err
		}
		if in.CanarySettings != nil {
			stage.CanarySettings = &CanarySettings{
				PercentTraffic: in.CanarySettings.PercentTraffic, DeploymentID: d.ID,
				StageVariableOverrides: in.CanarySettings.StageVariableOverrides, UseStageCache: in.CanarySettings.UseStageCache,
			}
		} else {
			// A deployment to a stage ends its canary.
			stage.DeploymentID, stage.CanarySettings = d.ID, nil
		}
		if in.StageDescription != "" {
			stage.Description = in.StageDescription
		}
		if in.CacheClusterEnabled {
			stage.CacheClusterEnabled, stage.CacheClusterSize = true, in.CacheClusterSize
		}
		if in.TracingEnabled {
			stage.TracingEnabled = true
		}
		if in.Variables != nil {
			stage.Variables = maps.Clone(in.Variables)
		}
		stage.LastUpdatedDate = now()
		if err := checkStage(tx, folder, stage); err != nil {
			return nil, err
		}
		if err := store.WriteDocument(tx, key, stage); err != nil {
			return nil, err
		}
		return d, s.check(ctx, tx, c)
	})
}

// deployable tells why an API cannot be deployed.
func deployable(content *Content) error {
	methods := 0
	for _, r := range content.Resources {
		for _, m := range r.ResourceMethods {
			methods++
			if m.MethodIntegration == nil {
				return restjson.BadRequest("No integration defined for method")
			}
		}
	}
	if methods == 0 {
		return restjson.BadRequest("The REST API doesn't contain any methods")
	}
	return nil
}

// check tries what the gateway would serve of the API after the transaction. Callers are
// told why it cannot be served, and nothing has changed then.
func (s *Service) check(ctx context.Context, tx store.Tx, c *restjson.Call) error {
	if s.checker == nil {
		return nil
	}
	if err := s.checker.Check(ctx, tx, APIKeyOf(c.Region, c.Params["restapi_id"])); err != nil {
		return restjson.BadRequest("%s", err)
	}
	return nil
}

// checkDeployment tries a deployment that no stage serves yet, in a stage that is not
// kept.
func (s *Service) checkDeployment(ctx context.Context, tx store.Tx, c *restjson.Call, id string) error {
	if s.checker == nil {
		return nil
	}
	// A name that no stage has.
	stage := newStage("trial_" + restjson.NewID(10))
	key := APIKeyOf(c.Region, c.Params["restapi_id"]) + "/" + stagesFolder + stage.StageName
	stage.DeploymentID = id
	if err := store.WriteDocument(tx, key, stage); err != nil {
		return err
	}
	defer tx.Delete(key)
	return s.check(ctx, tx, c)
}

// deploymentOf reads the deployment that a call is about.
func deploymentOf(r store.Reader, c *restjson.Call) (folder string, d *Deployment, err error) {
	folder, err = apiFolder(r, c)
	if err != nil {
		return "", nil, err
	}
	d, err = readRecord[Deployment](r, folder+deploymentsFolder+c.Params["deployment_id"], restjson.NotFound("Invalid Deployment identifier specified"))
	return folder, d, err
}

func (s *Service) getDeployments(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[Deployment], error) {
		folder, err := apiFolder(r, c)
		if err != nil {
			return page[Deployment]{}, err
		}
		all, err := store.ReadDocuments[Deployment](r, folder+deploymentsFolder)
		if err != nil {
			return page[Deployment]{}, err
		}
		// The newest come first.
		slices.SortStableFunc(all, func(a, b Deployment) int { return b.CreatedDate.Compare(a.CreatedDate.Time) })
		return pageOf(c, all)
	})
}

func (s *Service) getDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Deployment, error) {
		folder, d, err := deploymentOf(r, c)
		if err != nil || !slices.Contains(c.Query["embed"], "apisummary") {
			return d, err
		}
		content, err := readRecord[Content](r, folder+contentsFolder+d.ID, fmt.Errorf("deployment %s has no content", d.ID))
		if err != nil {
			return nil, err
		}
		d.APISummary = map[string]map[string]MethodSnapshot{}
		for _, resource := range content.Resources {
			for name, m := range resource.ResourceMethods {
				if d.APISummary[resource.Path] == nil {
					d.APISummary[resource.Path] = map[string]MethodSnapshot{}
				}
				d.APISummary[resource.Path][name] = MethodSnapshot{m.AuthorizationType, m.APIKeyRequired}
			}
		}
		return d, nil
	})
}

var deploymentPatches = []patchRule[Deployment]{
	{"/description", opReplace, patchText(func(d *Deployment) *string { return &d.Description })},
}

func (s *Service) updateDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Deployment, error) {
		folder, d, err := deploymentOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(d, operations, pathsListed, deploymentPatches); err != nil {
			return nil, err
		}
		return d, store.WriteDocument(tx, folder+deploymentsFolder+d.ID, d)
	})
}

func (s *Service) deleteDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		folder, d, err := deploymentOf(tx, c)
		if err != nil {
			return err
		}
		stages, err := store.ReadDocuments[Stage](tx, folder+stagesFolder)
		if err != nil {
			return err
		}
		for _, stage := range stages {
			if stage.DeploymentID == d.ID || stage.CanarySettings != nil && stage.CanarySettings.DeploymentID == d.ID {
				return restjson.BadRequest("Active stages pointing to this deployment must be moved or deleted")
			}
		}
		tx.Delete(folder + deploymentsFolder + d.ID)
		tx.Delete(folder + contentsFolder + d.ID)
		return nil
	})
}
