package restapi

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// VPCLinkIsUnused refuses to have a link deleted that a stage of any API is served by: without the
// link, the API could not be served. REST APIs may have links of both services.
func VPCLinkIsUnused(r store.Reader, region, id string) error {
	user, err := stageWithVPCLink(r, region+"/restapis/", id, restStage, methodWithVPCLink)
	form := "[Method:Resource:Stage]"
	if err == nil && user == "" {
		user, err = stageWithVPCLink(r, region+"/apis/", id, httpStage, integrationWithVPCLink)
		form = "[Integration:Api:Stage]"
	}
	if err != nil || user == "" {
		return err
	}
	return restjson.BadRequest("Cannot delete vpc link. Vpc link '%s', is referenced in [%s] in format of %s.", id, user, form)
}

// deploymentAt is a deployment of an API with the variables of the stage where it is.
type deploymentAt struct {
	api, id   string
	variables map[string]string
}

// hasLink tells whether an integration has a link.
func (d deploymentAt) hasLink(link, connectionType, connectionID string) bool {
	if connectionType != gateway.ConnectionVPCLink {
		return false
	}
	id, _ := gateway.ResolveStageVariables(connectionID, d.variables)
	return id == link
}

// stageWithVPCLink gives what a stage of the APIs in a folder is served by that has a link, as
// user tells it, and the stage; or nothing.
func stageWithVPCLink(r store.Reader, folder, link string, deploymentsOf func(store.Entry) ([]deploymentAt, error), user func(deploymentAt, store.Entry, string) (string, error)) (string, error) {
	// One listing: clusters compare what a change has read, and not much of it.
	entries, err := r.List(folder)
	if err != nil {
		return "", err
	}
	contents := map[string]store.Entry{} // by API and deployment
	var stages []store.Entry
	for _, e := range entries {
		switch parts := strings.Split(strings.TrimPrefix(e.Key, folder), "/"); {
		case len(parts) != 3:
		case parts[1]+"/" == contentsFolder:
			contents[parts[0]+"/"+parts[2]] = e
		case parts[1]+"/" == stagesFolder:
			stages = append(stages, e)
		}
	}
	for _, stage := range stages {
		api, name, _ := strings.Cut(strings.TrimPrefix(stage.Key, folder), "/"+stagesFolder)
		all, err := deploymentsOf(stage)
		if err != nil {
			return "", err
		}
		for _, at := range all {
			content, there := contents[api+"/"+at.id]
			if !there {
				continue
			}
			at.api = api
			if found, err := user(at, content, link); err != nil || found != "" {
				return found + ":" + name, err
			}
		}
	}
	return "", nil
}

func restStage(e store.Entry) ([]deploymentAt, error) {
	stage, err := store.Decode[Stage](e)
	if err != nil {
		return nil, err
	}
	all := []deploymentAt{{id: stage.DeploymentID, variables: stage.Variables}}
	if canary := stage.CanarySettings; canary != nil {
		variables := map[string]string{}
		maps.Copy(variables, stage.Variables)
		maps.Copy(variables, canary.StageVariableOverrides)
		all = append(all, deploymentAt{id: canary.DeploymentID, variables: variables})
	}
	return all, nil
}

// methodWithVPCLink gives a method of a REST API, and its resource.
func methodWithVPCLink(at deploymentAt, content store.Entry, link string) (string, error) {
	c, err := store.Decode[Content](content)
	if err != nil {
		return "", err
	}
	for _, r := range c.Resources {
		for _, name := range slices.Sorted(maps.Keys(r.ResourceMethods)) {
			if i := r.ResourceMethods[name].MethodIntegration; i != nil && at.hasLink(link, i.ConnectionType, i.ConnectionID) {
				return name + ":" + r.ID, nil
			}
		}
	}
	return "", nil
}

// httpStage reads a stage as apigatewayv2 keeps it.
func httpStage(e store.Entry) ([]deploymentAt, error) {
	stage, err := store.Decode[struct {
		DeploymentID   string            `json:"deploymentId"`
		StageVariables map[string]string `json:"stageVariables"`
	}](e)
	if err != nil {
		return nil, err
	}
	return []deploymentAt{{id: stage.DeploymentID, variables: stage.StageVariables}}, nil
}

// integrationWithVPCLink gives an integration of an HTTP or WebSocket API, and the API, as
// apigatewayv2 keeps it.
func integrationWithVPCLink(at deploymentAt, content store.Entry, link string) (string, error) {
	c, err := store.Decode[struct {
		Integrations []struct {
			Integration struct {
				IntegrationID  string `json:"integrationId"`
				ConnectionType string `json:"connectionType"`
				ConnectionID   string `json:"connectionId"`
			} `json:"integration"`
		} `json:"integrations"`
	}](content)
	if err != nil {
		return "", err
	}
	for _, each := range c.Integrations {
		if i := each.Integration; at.hasLink(link, i.ConnectionType, i.ConnectionID) {
			return i.IntegrationID + ":" + at.api, nil
		}
	}
	return "", nil
}
