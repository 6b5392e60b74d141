package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"gatehouse/management/restapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Whether calls of an operation can be tried out on its page.
const (
	tryItEnabled  = "ENABLED"
	tryItDisabled = "DISABLED"
)

var endpointPageMembers = []string{"displayContent", "restEndpointIdentifier", "tryItState"}

func (s *Service) endpointPageOperations() []restjson.Operation {
	const path = "/v2/portalproducts/{portalProductId}/productrestendpointpages"
	const one = path + "/{productRestEndpointPageId}"
	return []restjson.Operation{
		{Name: "ListProductRestEndpointPages", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.listEndpointPages},
		{Name: "CreateProductRestEndpointPage", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createEndpointPage},
		{Name: "GetProductRestEndpointPage", Method: http.MethodGet, Path: one, Status: http.StatusOK, Do: s.getEndpointPage},
		{Name: "UpdateProductRestEndpointPage", Method: http.MethodPatch, Path: one, Status: http.StatusOK, Do: s.updateEndpointPage},
		{Name: "DeleteProductRestEndpointPage", Method: http.MethodDelete, Path: one, Status: http.StatusNoContent, Do: s.deleteEndpointPage},
	}
}

func endpointPage(r store.Reader, c *restjson.Call) (*PortalProduct, *ProductRestEndpointPage, error) {
	return productPart[ProductRestEndpointPage](r, c, endpointPagesFolder, "ProductRestEndpointPage", "productRestEndpointPageId")
}

func endpointPageKey(c *restjson.Call) string {
	return productKey(c) + endpointPagesFolder + c.Params["productRestEndpointPageId"]
}

// endpointPageAnswer is a page as callers are shown it: with what it says, be it its own
// or the API's.
type endpointPageAnswer struct {
	ProductRestEndpointPage
	DisplayContent    DisplayContentOverrides `json:"displayContent"`
	RawDisplayContent string                  `json:"rawDisplayContent,omitempty"`
	Status            string                  `json:"status"` // AVAILABLE | FAILED
	StatusException   *StatusException        `json:"statusException,omitempty"`
}

// StatusException says why something is not as it should be.
type StatusException struct {
	Exception string `json:"exception,omitempty"`
	Message   string `json:"message,omitempty"`
}

// endpointPageSummary is one as lists have it.
type endpointPageSummary struct {
	Endpoint                   string                  `json:"endpoint"`
	LastModified               time.Time               `json:"lastModified"`
	OperationName              string                  `json:"operationName,omitempty"`
	ProductRestEndpointPageARN string                  `json:"productRestEndpointPageArn"`
	ProductRestEndpointPageID  string                  `json:"productRestEndpointPageId"`
	RestEndpointIdentifier     *RestEndpointIdentifier `json:"restEndpointIdentifier"`
	Status                     string                  `json:"status"`
	StatusException            *StatusException        `json:"statusException,omitempty"`
	TryItState                 string                  `json:"tryItState"`
}

// endpointPageAnswer shows a page. It fails when the stage that it is about is gone.
func (s *Service) endpointPageAnswer(r store.Reader, c *restjson.Call, page *ProductRestEndpointPage) (*endpointPageAnswer, error) {
	a := &endpointPageAnswer{ProductRestEndpointPage: *page, Status: "AVAILABLE"}
	if page.DisplayContent != nil && page.DisplayContent.Overrides != nil {
		a.DisplayContent = *page.DisplayContent.Overrides
	}
	at := page.RestEndpointIdentifier.IdentifierParts
	a.DisplayContent.Endpoint = cmp.Or(a.DisplayContent.Endpoint, s.invokeURL(at)+at.Path)
	_, err := r.Get(restapi.APIKeyOf(c.Region, at.RestAPIID) + "/stages/" + at.Stage)
	if errors.Is(err, store.ErrNotFound) {
		a.Status, a.StatusException = "FAILED", &StatusException{"NotFoundException", "Invalid stage identifier specified"}
		err = nil
	}
	return a, err
}

// invokeURL is where a stage is called.
func (s *Service) invokeURL(at *IdentifierParts) string {
	served := s.address()
	return served.Scheme("http") + "://" + served.Host(at.RestAPIID) + "/" + at.Stage
}

func (s *Service) listEndpointPages(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[endpointPageSummary], error) {
		if _, err := portalProduct(r, c); err != nil {
			return nil, err
		}
		kept, err := list[ProductRestEndpointPage](r, c, productKey(c)+endpointPagesFolder, nil)
		if err != nil {
			return nil, err
		}
		answer := &page[endpointPageSummary]{Items: []endpointPageSummary{}, NextToken: kept.NextToken}
		for i := range kept.Items {
			a, err := s.endpointPageAnswer(r, c, &kept.Items[i])
			if err != nil {
				return nil, err
			}
			answer.Items = append(answer.Items, endpointPageSummary{
				a.DisplayContent.Endpoint, a.LastModified, a.DisplayContent.OperationName, a.ProductRestEndpointPageARN, a.ProductRestEndpointPageID,
				a.RestEndpointIdentifier, a.Status, a.StatusException, a.TryItState,
			})
		}
		return answer, nil
	})
}

func (s *Service) getEndpointPage(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*endpointPageAnswer, error) {
		_, found, err := endpointPage(r, c)
		if err != nil {
			return nil, err
		}
		answer, err := s.endpointPageAnswer(r, c, found)
		if err == nil && c.Query.Get("includeRawDisplayContent") == "true" && found.DisplayContent != nil {
			raw, problem := json.Marshal(found.DisplayContent)
			answer.RawDisplayContent, err = string(raw), problem
		}
		return answer, err
	})
}

func (s *Service) createEndpointPage(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, endpointPageMembers...)
	if err != nil {
		return nil, err
	}
	asked := ProductRestEndpointPage{TryItState: tryItEnabled}
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "restEndpointIdentifier")
	if in.has("restEndpointIdentifier") {
		checkEndpointIdentifier(&p, asked.RestEndpointIdentifier)
	}
	checkEndpointPage(&p, &asked)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*endpointPageAnswer, error) {
		product, err := portalProduct(tx, c)
		if err != nil {
			return nil, err
		}
		if err := checkOperation(tx, c.Region, asked.RestEndpointIdentifier.IdentifierParts); err != nil {
			return nil, err
		}
		created := asked
		created.ProductRestEndpointPageID, created.LastModified = restjson.NewID(portalIDLength), s.timestamp()
		created.ProductRestEndpointPageARN = product.PortalProductARN + endpointPagesFolder + created.ProductRestEndpointPageID
		if err := store.WriteDocument(tx, productKey(c)+endpointPagesFolder+created.ProductRestEndpointPageID, &created); err != nil {
			return nil, err
		}
		return s.endpointPageAnswer(tx, c, &created)
	})
}

func (s *Service) updateEndpointPage(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, without(endpointPageMembers, "restEndpointIdentifier")...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*endpointPageAnswer, error) {
		_, found, err := endpointPage(tx, c)
		if err != nil {
			return nil, err
		}
		if err := in.into(found); err != nil {
			return nil, err
		}
		var p problems
		checkEndpointPage(&p, found)
		if err := p.err(); err != nil {
			return nil, err
		}
		found.LastModified = s.timestamp()
		if err := store.WriteDocument(tx, endpointPageKey(c), found); err != nil {
			return nil, err
		}
		return s.endpointPageAnswer(tx, c, found)
	})
}

func (s *Service) deleteEndpointPage(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		product, found, err := endpointPage(tx, c)
		if err != nil {
			return err
		}
		tx.Delete(endpointPageKey(c))
		return dropFromOrder(tx, c, product, found.ProductRestEndpointPageARN)
	})
}

func checkEndpointPage(p *problems, page *ProductRestEndpointPage) {
	p.enum("tryItState", page.TryItState, tryItEnabled, tryItDisabled)
	d := page.DisplayContent
	if d == nil {
		return
	}
	if (d.None == nil) == (d.Overrides == nil) {
		p.add("displayContent must have one of none and overrides")
	}
	if o := d.Overrides; o != nil {
		p.length("displayContent.overrides.body", o.Body, 0, maxPageBody)
		p.length("displayContent.overrides.endpoint", o.Endpoint, 0, 1024)
		p.length("displayContent.overrides.operationName", o.OperationName, 0, 255)
	}
}

func checkEndpointIdentifier(p *problems, identifier *RestEndpointIdentifier) {
	const member = "restEndpointIdentifier.identifierParts"
	if identifier == nil || identifier.IdentifierParts == nil {
		p.constraint("null", member, "Member must not be null")
		return
	}
	at := identifier.IdentifierParts
	p.length(member+".method", at.Method, 1, 20)
	p.length(member+".path", at.Path, 1, 4096)
	p.length(member+".restApiId", at.RestAPIID, 1, 50)
	p.length(member+".stage", at.Stage, 1, 128)
	if at.Method == "ANY" || at.Method == "OPTIONS" {
		p.add("Methods %s have no page: portals of Gatehouse tell of operations by OpenAPI, which has no word for ANY, and OPTIONS is for browsers", at.Method)
	}
}

// checkOperation refuses operations that no stage has.
func checkOperation(r store.Reader, region string, at *IdentifierParts) error {
	key := restapi.APIKeyOf(region, at.RestAPIID)
	if !isName(at.RestAPIID) || !isName(at.Stage) {
		return restjson.BadRequest("Invalid REST endpoint specified: %s/%s", shorten(at.RestAPIID), shorten(at.Stage))
	}
	stage, err := get[restapi.Stage](r, key+"/stages/"+at.Stage, restjson.BadRequest("Invalid REST endpoint specified: there is no stage %s of a REST API %s", shorten(at.Stage), shorten(at.RestAPIID)))
	if err != nil {
		return err
	}
	missing := restjson.BadRequest("Invalid REST endpoint specified: the stage %s of the REST API %s has no method %s of %s", at.Stage, at.RestAPIID, at.Method, shorten(at.Path))
	content, err := get[restapi.Content](r, key+"/contents/"+stage.DeploymentID, missing)
	if err != nil {
		return err
	}
	for _, resource := range content.Resources {
		if _, there := resource.ResourceMethods[at.Method]; there && resource.Path == at.Path {
			return nil
		}
	}
	return missing
}
