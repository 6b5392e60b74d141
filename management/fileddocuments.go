package management

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// filedDocuments are the documents of APIs that files define, as they would be stored. They
// are made once for each list of APIs. What an API consists of is what its first stage
// serves: files have nothing that is edited and not served.
type filedDocuments struct {
	mu   sync.Mutex
	apis []gateway.API
	made []store.Entry
	err  error
}

// of gives the documents, sorted by key.
func (f *filedDocuments) of(apis []gateway.API) ([]store.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(apis) == 0 {
		return nil, nil
	}
	if len(f.apis) != len(apis) || &f.apis[0] != &apis[0] {
		f.apis = apis
		f.made, f.err = documentsOf(apis)
	}
	return f.made, f.err
}

func documentsOf(apis []gateway.API) ([]store.Entry, error) {
	w := &filedWriter{}
	for i := range apis {
		a := &apis[i]
		w.api, w.tags = a, map[string]string{FileTag: a.Source.File}
		for name, value := range a.Tags {
			w.tags[name] = value
		}
		if a.Protocol == gateway.REST {
			w.rest()
		} else {
			w.http()
		}
	}
	slices.SortFunc(w.made, func(a, b store.Entry) int { return strings.Compare(a.Key, b.Key) })
	return w.made, w.failed
}

// filedWriter writes the documents of one API after the other.
type filedWriter struct {
	api    *gateway.API
	tags   map[string]string
	made   []store.Entry
	failed error
}

func (w *filedWriter) put(key string, document any) {
	text, err := json.Marshal(document)
	w.failed = errors.Join(w.failed, err)
	w.made = append(w.made, store.Entry{Key: key, Value: text})
}

// take writes what a transaction does.
func (w *filedWriter) take(write func(tx store.Tx) error) {
	memory := store.NewMemory()
	err := memory.Update(context.Background(), write)
	if err == nil {
		err = memory.View(context.Background(), func(r store.Reader) error {
			entries, err := r.List("")
			w.made = append(w.made, entries...)
			return err
		})
	}
	w.failed = errors.Join(w.failed, err)
}

// deployments calls for each deployment of the API once; first is the one that the API
// itself is told by.
func (w *filedWriter) deployments(each func(d *gateway.Deployment, id string, first bool)) {
	seen := map[string]bool{}
	add := func(d *gateway.Deployment) {
		if d == nil {
			return
		}
		if id := deploymentID(d); !seen[id] {
			each(d, id, len(seen) == 0)
			seen[id] = true
		}
	}
	for i := range w.api.Stages {
		s := &w.api.Stages[i]
		add(s.Deployment)
		if s.Canary != nil {
			add(s.Canary.Deployment)
		}
	}
}

func (w *filedWriter) rest() {
	a := w.api
	key := restapi.APIKeyOf(a.Home().Region, a.ID)
	w.deployments(func(d *gateway.Deployment, id string, first bool) {
		// What cannot be told of a deployment must not hide the rest.
		c, _, err := openapi.RESTContent(d, a.ID)
		if err != nil {
			c = &restapi.Content{API: restapi.RestAPI{ID: a.ID, APIKeySource: "HEADER"}}
		}
		placeREST(c)
		c.API.Name, c.API.Description, c.API.Tags = a.Name, cmp.Or(a.Description, c.API.Description), w.tags
		c.API.DisableExecuteAPIEndpoint = c.API.DisableExecuteAPIEndpoint || a.DisableExecuteAPIEndpoint
		c.API.EndpointConfiguration = &restapi.EndpointConfiguration{Types: []string{"REGIONAL"}}
		if first {
			w.take(func(tx store.Tx) error { return restapi.WriteContent(tx, a.Home().Region, c) })
		}
		w.put(key+"/contents/"+id, c)
		w.put(key+"/deployments/"+id, restapi.Deployment{ID: id})
	})
	for i := range a.Stages {
		s := &a.Stages[i]
		stage := restapi.Stage{
			StageName: s.Name, Description: s.Description, DeploymentID: deploymentID(s.Deployment), Variables: s.Variables,
			ClientCertificateID: s.ClientCertificate, CacheClusterStatus: "NOT_AVAILABLE", MethodSettings: map[string]restapi.MethodSetting{},
		}
		if s.Cache != nil {
			stage.CacheClusterEnabled, stage.CacheClusterStatus = true, "AVAILABLE"
		}
		if s.AccessLog != nil {
			stage.AccessLogSettings = &restapi.AccessLogSettings{Format: s.AccessLog.Format}
		}
		if c := s.Canary; c != nil {
			stage.CanarySettings = &restapi.CanarySettings{PercentTraffic: c.Percent, DeploymentID: stage.DeploymentID, StageVariableOverrides: c.Variables}
			if c.Deployment != nil {
				stage.CanarySettings.DeploymentID = deploymentID(c.Deployment)
			}
		}
		w.put(key+"/stages/"+s.Name, stage)
	}
}

func (w *filedWriter) http() {
	a := w.api
	key := httpapi.APIKeyOf(a.Home().Region, a.ID)
	w.deployments(func(d *gateway.Deployment, id string, first bool) {
		content := openapi.HTTPContent
		if a.Protocol == gateway.WebSocket {
			content = openapi.WebSocketContent
		}
		c := content(d, a.ID)
		placeHTTP(c)
		c.API.Name, c.API.Description, c.API.Tags = a.Name, cmp.Or(a.Description, c.API.Description), w.tags
		c.API.DisableExecuteAPIEndpoint = c.API.DisableExecuteAPIEndpoint || a.DisableExecuteAPIEndpoint
		if first {
			w.take(func(tx store.Tx) error { return httpapi.WriteContent(tx, a.Home().Region, c) })
		}
		w.put(key+"/contents/"+id, c)
		w.put(key+"/deployments/"+id, httpapi.Deployment{DeploymentID: id, DeploymentStatus: "DEPLOYED"})
	})
	for i := range a.Stages {
		s := &a.Stages[i]
		stage := httpapi.Stage{
			StageName: s.Name, Description: s.Description, DeploymentID: deploymentID(s.Deployment), StageVariables: s.Variables,
			RouteSettings: map[string]httpapi.RouteSettings{}, Tags: map[string]string{},
		}
		if s.AccessLog != nil {
			stage.AccessLogSettings = &httpapi.AccessLogSettings{Format: s.AccessLog.Format}
		}
		w.put(key+"/stages/"+s.Name, stage)
	}
}

// deploymentID is the same for the same content.
func deploymentID(d *gateway.Deployment) string {
	const length = 10
	hash := d.Hash()
	return hash[:min(length, len(hash))]
}

// Lengths of ids.
const (
	filedIDLength  = 6
	filedRootIDLen = 10
)

// lastingID is the same for the same thing, as long as it is there.
func lastingID(length int, what ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(what, "\x00")))
	text := new(big.Int).SetBytes(sum[:]).Text(36)
	return fmt.Sprintf("%0*s", length, text)[:length]
}

// placeREST gives what belongs to an API ids that stay.
func placeREST(c *restapi.Content) {
	there := &restapi.Content{}
	id := c.API.ID
	for _, r := range c.Resources {
		length := filedIDLength
		if r.Path == "/" {
			length = filedRootIDLen
		}
		there.Resources = append(there.Resources, restapi.Resource{Path: r.Path, ID: lastingID(length, id, "resource", r.Path)})
	}
	for _, a := range c.Authorizers {
		there.Authorizers = append(there.Authorizers, restapi.Authorizer{Name: a.Name, ID: lastingID(filedIDLength, id, "authorizer", a.Name)})
	}
	for _, v := range c.RequestValidators {
		there.RequestValidators = append(there.RequestValidators, restapi.RequestValidator{Name: v.Name, ID: lastingID(filedIDLength, id, "validator", v.Name)})
	}
	for _, m := range c.Models {
		there.Models = append(there.Models, restapi.Model{Name: m.Name, ID: lastingID(filedIDLength, id, "model", m.Name)})
	}
	openapi.Place(there, c, counted(id))
}

func placeHTTP(c *httpapi.Content) {
	there := &httpapi.Content{}
	id := c.API.APIID
	for i := range c.Routes {
		r := &c.Routes[i]
		kept := httpapi.Route{RouteKey: r.Route.RouteKey, RouteID: lastingID(filedIDLength, id, "route", r.Route.RouteKey)}
		if r.Route.Target != "" {
			kept.Target = "integrations/" + lastingID(filedIDLength, id, "integration", r.Route.RouteKey)
		}
		there.Routes = append(there.Routes, httpapi.RouteContent{Route: kept})
		for j := range r.Responses {
			r.Responses[j].RouteResponseID = lastingID(filedIDLength, id, "routeresponse", r.Route.RouteKey, r.Responses[j].RouteResponseKey)
		}
	}
	for i := range c.Integrations {
		for j := range c.Integrations[i].Responses {
			r := &c.Integrations[i].Responses[j]
			r.IntegrationResponseID = lastingID(filedIDLength, id, "response", c.Integrations[i].Integration.IntegrationID, r.IntegrationResponseKey)
		}
	}
	for _, a := range c.Authorizers {
		there.Authorizers = append(there.Authorizers, httpapi.Authorizer{Name: a.Name, AuthorizerID: lastingID(filedIDLength, id, "authorizer", a.Name)})
	}
	for i := range c.Models {
		c.Models[i].ModelID = lastingID(filedIDLength, id, "model", c.Models[i].Name)
	}
	openapi.PlaceHTTP(there, c, counted(id))
}

// counted makes ids for what has no name to take one from.
func counted(api string) func(length int) string {
	n := 0
	return func(length int) string {
		n++
		return lastingID(length, api, "counted", fmt.Sprint(n))
	}
}
