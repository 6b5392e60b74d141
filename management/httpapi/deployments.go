package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

const statusDeployed = "DEPLOYED"

// keptAutomatic is how many deployments that stages made by themselves are kept, besides
// those that stages still point at. There is one for every change.
const keptAutomatic = 10

func (s *Service) deploymentOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/deployments"
	return []restjson.Operation{
		{Name: "GetDeployments", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getDeployments},
		{Name: "CreateDeployment", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createDeployment},
		{Name: "GetDeployment", Method: http.MethodGet, Path: path + "/{deploymentId}", Status: http.StatusOK, Do: s.getDeployment},
		{Name: "UpdateDeployment", Method: http.MethodPatch, Path: path + "/{deploymentId}", Status: http.StatusOK, Do: s.updateDeployment},
		{Name: "DeleteDeployment", Method: http.MethodDelete, Path: path + "/{deploymentId}", Status: http.StatusNoContent, Do: s.deleteDeployment},
	}
}

func deploymentPart(r store.Reader, c *restjson.Call) (*API, *Deployment, error) {
	return part[Deployment](r, c, "/deployments/", "Deployment", "deploymentId")
}

func (s *Service) getDeployments(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[Deployment], error) {
		if _, err := getAPI(r, c); err != nil {
			return nil, err
		}
		return list[Deployment](r, c, apiKey(c)+"/deployments/", nil)
	})
}

func (s *Service) getDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Deployment, error) {
		_, d, err := deploymentPart(r, c)
		return d, err
	})
}

func (s *Service) createDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "description", "stageName")
	if err != nil {
		return nil, err
	}
	var asked struct {
		Description string `json:"description"`
		StageName   string `json:"stageName"`
	}
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	p.length("description", asked.Description, 0, 1024)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Deployment, error) {
		if _, err := getAPI(tx, c); err != nil {
			return nil, err
		}
		stage := &Stage{}
		if asked.StageName != "" {
			stage, err = get[Stage](tx, apiKey(c)+"/stages/"+asked.StageName, errUnknownStage)
			if err != nil {
				return nil, err
			}
			if stage.AutoDeploy {
				return nil, restjson.BadRequest("Deployments cannot be associated with the stage %s because it has autoDeploy enabled", stage.StageName)
			}
		}
		d, err := s.deploy(tx, apiKey(c), false, asked.Description)
		if err != nil {
			return nil, err
		}
		if stage.StageName == "" {
			return d, nil
		}
		stage.DeploymentID, stage.LastUpdatedDate = d.DeploymentID, d.CreatedDate
		if err := store.WriteDocument(tx, apiKey(c)+"/stages/"+stage.StageName, stage); err != nil {
			return nil, err
		}
		return d, s.check(ctx, tx, apiKey(c))
	})
}

func (s *Service) updateDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "description")
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Deployment, error) {
		_, d, err := deploymentPart(tx, c)
		if err != nil {
			return nil, err
		}
		if err := in.into(d); err != nil {
			return nil, err
		}
		var p problems
		p.length("description", d.Description, 0, 1024)
		if err := p.err(); err != nil {
			return nil, err
		}
		return d, store.WriteDocument(tx, apiKey(c)+"/deployments/"+d.DeploymentID, d)
	})
}

func (s *Service) deleteDeployment(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, d, err := deploymentPart(tx, c)
		if err != nil {
			return err
		}
		stages, err := store.ReadDocuments[Stage](tx, apiKey(c)+"/stages/")
		if err != nil {
			return err
		}
		if slices.ContainsFunc(stages, func(stage Stage) bool { return stage.DeploymentID == d.DeploymentID }) {
			return restjson.BadRequest("Active stages pointing to this deployment must be moved or deleted")
		}
		dropDeployment(tx, apiKey(c), d.DeploymentID)
		return nil
	})
}

func dropDeployment(tx store.Tx, key, id string) {
	tx.Delete(key + "/deployments/" + id)
	tx.Delete(key + "/contents/" + id)
}

// deploy keeps an API as it is now.
func (s *Service) deploy(tx store.Tx, key string, automatic bool, description string) (*Deployment, error) {
	region, id, _ := strings.Cut(key, "/apis/")
	content, err := ReadContent(tx, region, id)
	if err != nil {
		return nil, err
	}
	if len(content.Routes) == 0 {
		return nil, &undeployableError{"At least one route is required before deploying the Api"}
	}
	if key := routeWithoutTarget(content); key != "" && automatic {
		return nil, &undeployableError{fmt.Sprintf("The route %s has no target", key)}
	}
	d := &Deployment{
		AutoDeployed: automatic, CreatedDate: s.timestamp(), DeploymentID: restjson.NewID(shortIDLength),
		DeploymentStatus: statusDeployed, Description: description,
	}
	if err := store.WriteDocument(tx, key+"/deployments/"+d.DeploymentID, d); err != nil {
		return nil, err
	}
	return d, store.WriteDocument(tx, key+"/contents/"+d.DeploymentID, content)
}

// routeWithoutTarget is the key of a route that nothing could be served for, as the next call is to
// tell; or nothing. Clients may connect, and leave, without an integration.
func routeWithoutTarget(content *Content) string {
	for _, r := range content.Routes {
		if key := r.Route.RouteKey; r.Route.Target == "" && key != "$connect" && key != "$disconnect" {
			return key
		}
	}
	return ""
}

// An undeployableError is about an API that cannot be deployed yet, which is a state on
// the way to one that can.
type undeployableError struct{ text string }

func (e *undeployableError) Error() string { return e.text }

// Unwrap is what callers who ask for a deployment are told.
func (e *undeployableError) Unwrap() error { return restjson.BadRequest("%s", e.text) }

// changed deploys an API that has changed to the stages that ask for it, and checks that
// the gateway can serve what they would. Both happen in the transaction of the change: it
// is made and served, or not made.
func (s *Service) changed(ctx context.Context, tx store.Tx, key string) error {
	stages, err := store.ReadDocuments[Stage](tx, key+"/stages/")
	if err != nil {
		return err
	}
	stages = slices.DeleteFunc(stages, func(stage Stage) bool { return !stage.AutoDeploy })
	if len(stages) == 0 {
		return nil // What is served stays as it was deployed.
	}
	if err := s.autoDeploy(tx, key, stages); err != nil {
		return err
	}
	if err := s.prune(tx, key); err != nil {
		return err
	}
	return s.check(ctx, tx, key)
}

// autoDeploy deploys to stages. As on AWS, an API that cannot be deployed yet leaves them
// as they are, which they tell.
func (s *Service) autoDeploy(tx store.Tx, key string, stages []Stage) error {
	d, err := s.deploy(tx, key, true, "Automatic deployment triggered by changes to the Api configuration")
	var early *undeployableError
	if err != nil && !errors.As(err, &early) {
		return err
	}
	for _, stage := range stages {
		if early != nil {
			stage.LastDeploymentStatusMessage = "Deployment attempt failed: " + early.text
		} else {
			stage.DeploymentID = d.DeploymentID
			stage.LastDeploymentStatusMessage = "Successfully deployed stage with deployment ID '" + d.DeploymentID + "'"
		}
		stage.LastUpdatedDate = s.timestamp()
		if err := store.WriteDocument(tx, key+"/stages/"+stage.StageName, &stage); err != nil {
			return err
		}
	}
	return nil
}

// prune forgets old deployments that were made automatically.
func (s *Service) prune(tx store.Tx, key string) error {
	deployments, err := store.ReadDocuments[Deployment](tx, key+"/deployments/")
	if err != nil {
		return err
	}
	stages, err := store.ReadDocuments[Stage](tx, key+"/stages/")
	if err != nil {
		return err
	}
	unused := slices.DeleteFunc(deployments, func(d Deployment) bool {
		return !d.AutoDeployed || slices.ContainsFunc(stages, func(stage Stage) bool { return stage.DeploymentID == d.DeploymentID })
	})
	slices.SortStableFunc(unused, func(a, b Deployment) int { return b.CreatedDate.Compare(a.CreatedDate) })
	for _, d := range unused[min(keptAutomatic, len(unused)):] {
		dropDeployment(tx, key, d.DeploymentID)
	}
	return nil
}

// check asks whether the gateway can serve an API as the transaction leaves it.
func (s *Service) check(ctx context.Context, tx store.Tx, key string) error {
	if s.Checker == nil {
		return nil
	}
	stages, err := store.ReadDocuments[Stage](tx, key+"/stages/")
	if err != nil || !slices.ContainsFunc(stages, func(stage Stage) bool { return stage.DeploymentID != "" }) {
		return err
	}
	return s.checkServed(ctx, tx, key)
}

// checkServed asks whether the gateway can serve what has the key.
func (s *Service) checkServed(ctx context.Context, r store.Reader, key string) error {
	if s.Checker == nil {
		return nil
	}
	if err := s.Checker.Check(ctx, r, key); err != nil {
		var told *restjson.Error
		if errors.As(err, &told) {
			return err
		}
		return restjson.BadRequest("%v", err)
	}
	return nil
}
