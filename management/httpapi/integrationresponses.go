package httpapi

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

var integrationResponseMembers = []string{
	"contentHandlingStrategy", "integrationResponseKey", "responseParameters", "responseTemplates", "templateSelectionExpression",
}

func (s *Service) integrationResponseOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses"
	return []restjson.Operation{
		{Name: "GetIntegrationResponses", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getIntegrationResponses},
		{Name: "CreateIntegrationResponse", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createIntegrationResponse},
		{Name: "GetIntegrationResponse", Method: http.MethodGet, Path: path + "/{integrationResponseId}", Status: http.StatusOK, Do: s.getIntegrationResponse},
		{Name: "UpdateIntegrationResponse", Method: http.MethodPatch, Path: path + "/{integrationResponseId}", Status: http.StatusOK, Do: s.updateIntegrationResponse},
		{Name: "DeleteIntegrationResponse", Method: http.MethodDelete, Path: path + "/{integrationResponseId}", Status: http.StatusNoContent, Do: s.deleteIntegrationResponse},
	}
}

// integrationResponses is the folder of an integration's responses, once the integration
// is there.
func integrationResponses(r store.Reader, c *restjson.Call) (*API, string, error) {
	api, _, err := integrationPart(r, c)
	return api, apiKey(c) + "/integrations/" + c.Params["integrationId"] + "/responses/", err
}

func integrationResponse(r store.Reader, c *restjson.Call) (response *IntegrationResponse, folder string, err error) {
	_, folder, err = integrationResponses(r, c)
	if err != nil {
		return nil, "", err
	}
	response, err = get[IntegrationResponse](r, folder+c.Params["integrationResponseId"], unknownID("IntegrationResponse"))
	return response, folder, err
}

func (s *Service) getIntegrationResponses(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[IntegrationResponse], error) {
		_, folder, err := integrationResponses(r, c)
		if err != nil {
			return nil, err
		}
		return list[IntegrationResponse](r, c, folder, nil)
	})
}

func (s *Service) getIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*IntegrationResponse, error) {
		response, _, err := integrationResponse(r, c)
		return response, err
	})
}

func (s *Service) createIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, integrationResponseMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*IntegrationResponse, error) {
		api, folder, err := integrationResponses(tx, c)
		if err != nil {
			return nil, err
		}
		if api.ProtocolType != protocolWebSocket {
			return nil, restjson.BadRequest("Integration responses are supported only for APIs with a protocol type of WEBSOCKET")
		}
		response := &IntegrationResponse{IntegrationResponseID: restjson.NewID(partIDLength)}
		if err := in.into(response); err != nil {
			return nil, err
		}
		return response, s.putIntegrationResponse(ctx, tx, c, folder, response)
	})
}

func (s *Service) updateIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, integrationResponseMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*IntegrationResponse, error) {
		response, folder, err := integrationResponse(tx, c)
		if err != nil {
			return nil, err
		}
		in.fresh(&response.ResponseTemplates, "responseTemplates")
		if err := in.into(response); err != nil {
			return nil, err
		}
		dropEmpty(response.ResponseParameters)
		return response, s.putIntegrationResponse(ctx, tx, c, folder, response)
	})
}

// putIntegrationResponse checks and writes a response.
func (s *Service) putIntegrationResponse(ctx context.Context, tx store.Tx, c *restjson.Call, folder string, response *IntegrationResponse) error {
	var p problems
	if key := response.IntegrationResponseKey; key == "" {
		p.constraint("null", "integrationResponseKey", "Member must not be null")
	} else if _, err := gateway.ParseResponseKey(key); err != nil {
		p.add("Invalid integrationResponseKey %s: %v", shorten(key), err)
	}
	p.enum("contentHandlingStrategy", response.ContentHandlingStrategy, "CONVERT_TO_BINARY", "CONVERT_TO_TEXT")
	checkSelection(&p, "templateSelectionExpression", strings.TrimPrefix(response.TemplateSelectionExpression, `\`))
	for _, key := range slices.Sorted(maps.Keys(response.ResponseParameters)) {
		if !strings.HasPrefix(key, "method.response.header.") && !strings.HasPrefix(key, "route.response.header.") {
			p.add("Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: %s]", shorten(key))
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	others, err := store.ReadDocuments[IntegrationResponse](tx, folder)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.IntegrationResponseKey == response.IntegrationResponseKey && other.IntegrationResponseID != response.IntegrationResponseID {
			return restjson.Conflict("Integration response with key %s already exists for this integration", response.IntegrationResponseKey)
		}
	}
	if err := store.WriteDocument(tx, folder+response.IntegrationResponseID, response); err != nil {
		return err
	}
	return s.changed(ctx, tx, apiKey(c))
}

func (s *Service) deleteIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		response, folder, err := integrationResponse(tx, c)
		if err != nil {
			return err
		}
		tx.Delete(folder + response.IntegrationResponseID)
		return s.changed(ctx, tx, apiKey(c))
	})
}
