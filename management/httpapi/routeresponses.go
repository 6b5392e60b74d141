package httpapi

import (
	"context"
	"net/http"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

var routeResponseMembers = []string{"modelSelectionExpression", "responseModels", "responseParameters", "routeResponseKey"}

func (s *Service) routeResponseOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/routes/{routeId}/routeresponses"
	return []restjson.Operation{
		{Name: "GetRouteResponses", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getRouteResponses},
		{Name: "CreateRouteResponse", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createRouteResponse},
		{Name: "GetRouteResponse", Method: http.MethodGet, Path: path + "/{routeResponseId}", Status: http.StatusOK, Do: s.getRouteResponse},
		{Name: "UpdateRouteResponse", Method: http.MethodPatch, Path: path + "/{routeResponseId}", Status: http.StatusOK, Do: s.updateRouteResponse},
		{Name: "DeleteRouteResponse", Method: http.MethodDelete, Path: path + "/{routeResponseId}", Status: http.StatusNoContent, Do: s.deleteRouteResponse},
	}
}

// routeResponses is the folder of a route's responses, once the route is there.
func routeResponses(r store.Reader, c *restjson.Call) (*API, string, error) {
	api, _, err := routePart(r, c)
	return api, apiKey(c) + "/routes/" + c.Params["routeId"] + "/responses/", err
}

func routeResponse(r store.Reader, c *restjson.Call) (*RouteResponse, string, error) {
	_, folder, err := routeResponses(r, c)
	if err != nil {
		return nil, "", err
	}
	key := folder + c.Params["routeResponseId"]
	response, err := get[RouteResponse](r, key, unknownID("RouteResponse"))
	return response, key, err
}

func (s *Service) getRouteResponses(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[RouteResponse], error) {
		_, folder, err := routeResponses(r, c)
		if err != nil {
			return nil, err
		}
		return list[RouteResponse](r, c, folder, nil)
	})
}

func (s *Service) getRouteResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*RouteResponse, error) {
		response, _, err := routeResponse(r, c)
		return response, err
	})
}

func (s *Service) createRouteResponse(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, routeResponseMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*RouteResponse, error) {
		api, folder, err := routeResponses(tx, c)
		if err != nil {
			return nil, err
		}
		if api.ProtocolType != protocolWebSocket {
			return nil, restjson.BadRequest("Route responses are supported only for APIs with a protocol type of WEBSOCKET")
		}
		response := &RouteResponse{RouteResponseID: restjson.NewID(partIDLength)}
		if err := in.into(response); err != nil {
			return nil, err
		}
		return response, s.putRouteResponse(ctx, tx, c, folder, response)
	})
}

func (s *Service) updateRouteResponse(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, routeResponseMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*RouteResponse, error) {
		_, folder, err := routeResponses(tx, c)
		if err != nil {
			return nil, err
		}
		response, _, err := routeResponse(tx, c)
		if err != nil {
			return nil, err
		}
		in.fresh(&response.ResponseModels, "responseModels")
		if err := in.into(response); err != nil {
			return nil, err
		}
		return response, s.putRouteResponse(ctx, tx, c, folder, response)
	})
}

// putRouteResponse checks and writes a response.
func (s *Service) putRouteResponse(ctx context.Context, tx store.Tx, c *restjson.Call, folder string, response *RouteResponse) error {
	var p problems
	switch response.RouteResponseKey {
	case defaultRoute:
	case "":
		p.constraint("null", "routeResponseKey", "Member must not be null")
	default:
		p.add("Invalid routeResponseKey %s: only $default is supported", shorten(response.RouteResponseKey))
	}
	checkSelection(&p, "modelSelectionExpression", response.ModelSelectionExpression)
	if err := p.err(); err != nil {
		return err
	}
	for contentType, name := range response.ResponseModels {
		if err := checkModelName(tx, apiKey(c), contentType, name); err != nil {
			return err
		}
	}
	others, err := store.ReadDocuments[RouteResponse](tx, folder)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.RouteResponseKey == response.RouteResponseKey && other.RouteResponseID != response.RouteResponseID {
			return restjson.Conflict("Route response with key %s already exists for this route", response.RouteResponseKey)
		}
	}
	if err := store.WriteDocument(tx, folder+response.RouteResponseID, response); err != nil {
		return err
	}
	return s.changed(ctx, tx, apiKey(c))
}

func (s *Service) deleteRouteResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, key, err := routeResponse(tx, c)
		if err != nil {
			return err
		}
		tx.Delete(key)
		return s.changed(ctx, tx, apiKey(c))
	})
}
