package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Types of integrations and of the connections that they are reached over.
const (
	typeAWS            = "AWS"
	typeHTTP           = "HTTP"
	typeMock           = "MOCK"
	typeHTTPProxy      = "HTTP_PROXY"
	typeAWSProxy       = "AWS_PROXY"
	connectionInternet = "INTERNET"
	connectionVPCLink  = "VPC_LINK"
)

var integrationMembers = []string{
	"connectionId", "connectionType", "contentHandlingStrategy", "credentialsArn", "description", "integrationMethod", "integrationSubtype",
	"integrationType", "integrationUri", "passthroughBehavior", "payloadFormatVersion", "requestParameters", "requestTemplates",
	"responseParameters", "templateSelectionExpression", "timeoutInMillis", "tlsConfig",
}

func (s *Service) integrationOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/integrations"
	return []restjson.Operation{
		{Name: "GetIntegrations", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getIntegrations},
		{Name: "CreateIntegration", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createIntegration},
		{Name: "GetIntegration", Method: http.MethodGet, Path: path + "/{integrationId}", Status: http.StatusOK, Do: s.getIntegration},
		{Name: "UpdateIntegration", Method: http.MethodPatch, Path: path + "/{integrationId}", Status: http.StatusOK, Do: s.updateIntegration},
		{Name: "DeleteIntegration", Method: http.MethodDelete, Path: path + "/{integrationId}", Status: http.StatusNoContent, Do: s.deleteIntegration},
	}
}

func integrationPart(r store.Reader, c *restjson.Call) (*API, *Integration, error) {
	return part[Integration](r, c, "/integrations/", "Integration", "integrationId")
}

func (s *Service) getIntegrations(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[Integration], error) {
		if _, err := getAPI(r, c); err != nil {
			return nil, err
		}
		return list[Integration](r, c, apiKey(c)+"/integrations/", nil)
	})
}

func (s *Service) getIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Integration, error) {
		_, i, err := integrationPart(r, c)
		return i, err
	})
}

func (s *Service) createIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, integrationMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Integration, error) {
		api, err := getAPI(tx, c)
		if err != nil {
			return nil, err
		}
		i := &Integration{IntegrationID: restjson.NewID(partIDLength)}
		if err := in.into(i); err != nil {
			return nil, err
		}
		i.ignore(api)
		i.fill(api)
		return i, s.putIntegration(ctx, tx, c, api, i)
	})
}

func (s *Service) updateIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, integrationMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Integration, error) {
		api, i, err := integrationPart(tx, c)
		if err != nil {
			return nil, err
		}
		in.fresh(&i.RequestTemplates, "requestTemplates")
		if i.IntegrationSubtype != "" {
			// They are what the action of the service is called with, not changes of a request.
			in.fresh(&i.RequestParameters, "requestParameters")
		}
		if err := in.into(i); err != nil {
			return nil, err
		}
		dropEmpty(i.RequestParameters)
		for status, mappings := range i.ResponseParameters {
			if dropEmpty(mappings); len(mappings) == 0 {
				delete(i.ResponseParameters, status)
			}
		}
		if i.ConnectionType == connectionInternet && !in.has("connectionId") {
			i.ConnectionID = ""
		}
		i.ignore(api)
		return i, s.putIntegration(ctx, tx, c, api, i)
	})
}

func (s *Service) deleteIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, i, err := integrationPart(tx, c)
		if err != nil {
			return err
		}
		routes, err := store.ReadDocuments[Route](tx, apiKey(c)+"/routes/")
		if err != nil {
			return err
		}
		var users []string
		for _, r := range routes {
			if r.Target == targetPrefix+i.IntegrationID {
				users = append(users, r.RouteID)
			}
		}
		if len(users) > 0 {
			return restjson.Conflict("Cannot delete Integration because it is referenced by the following Routes with Ids: [%s]", strings.Join(users, ", "))
		}
		key := apiKey(c) + "/integrations/" + i.IntegrationID
		tx.Delete(key)
		tx.DeleteAll(key + "/")
		return s.changed(ctx, tx, apiKey(c))
	})
}

const minTimeout = 50

// putIntegration checks and writes an integration.
func (s *Service) putIntegration(ctx context.Context, tx store.Tx, c *restjson.Call, a *API, i *Integration) error {
	var p problems
	checkIntegration(&p, a, i)
	if err := p.err(); err != nil {
		return err
	}
	if i.ConnectionType == connectionVPCLink && !strings.Contains(i.ConnectionID, "${") {
		if _, err := get[VPCLink](tx, c.Region+"/vpclinks/"+i.ConnectionID, restjson.BadRequest("Invalid Vpc Link identifier specified: %s", shorten(i.ConnectionID))); err != nil {
			return err
		}
	}
	if err := store.WriteDocument(tx, apiKey(c)+"/integrations/"+i.IntegrationID, i); err != nil {
		return err
	}
	return s.changed(ctx, tx, apiKey(c))
}

// checkIntegration checks an integration by itself.
func checkIntegration(p *problems, a *API, i *Integration) {
	if i.IntegrationType == "" {
		p.constraint("null", "integrationType", "Member must not be null")
	}
	p.enum("integrationType", i.IntegrationType, typeAWS, typeHTTP, typeMock, typeHTTPProxy, typeAWSProxy)
	p.enum("connectionType", i.ConnectionType, connectionInternet, connectionVPCLink)
	p.enum("contentHandlingStrategy", i.ContentHandlingStrategy, "CONVERT_TO_BINARY", "CONVERT_TO_TEXT")
	p.enum("passthroughBehavior", i.PassthroughBehavior, passthroughBehaviors...)
	p.length("description", i.Description, 0, 1024)
	p.length("integrationUri", i.IntegrationURI, 0, 2048)
	p.length("connectionId", i.ConnectionID, 0, 1024)
	p.between("timeoutInMillis", i.TimeoutInMillis, minTimeout, maxTimeout(a.ProtocolType))
	if i.ConnectionType == connectionVPCLink && i.ConnectionID == "" {
		p.add("connectionId is required for a connection type of VPC_LINK")
	}
	if i.ConnectionType != connectionVPCLink && i.ConnectionID != "" {
		p.add("connectionId is supported only for a connection type of VPC_LINK")
	}
	if a.ProtocolType == protocolHTTP {
		checkHTTPIntegration(p, i)
	} else {
		checkWebSocketIntegration(p, i)
	}
	checkURI(p, i)
}

func checkHTTPIntegration(p *problems, i *Integration) {
	if i.IntegrationType != typeHTTPProxy && i.IntegrationType != typeAWSProxy {
		p.add("Currently, an API with a protocol type of HTTP may only be associated with proxy integrations (AWS_PROXY, HTTP_PROXY)")
		return
	}
	for _, member := range []struct {
		name string
		set  bool
	}{
		{"contentHandlingStrategy", i.ContentHandlingStrategy != ""},
		{"passthroughBehavior", i.PassthroughBehavior != ""},
		{"requestTemplates", len(i.RequestTemplates) > 0},
		{"templateSelectionExpression", i.TemplateSelectionExpression != ""},
	} {
		if member.set {
			p.add("%s is supported only for APIs with a protocol type of WEBSOCKET", member.name)
		}
	}
	versions := []string{"1.0"}
	if i.IntegrationType == typeAWSProxy && i.IntegrationSubtype == "" {
		versions = append(versions, "2.0")
	}
	if v := i.PayloadFormatVersion; v != "1.0" && (v != "2.0" || len(versions) == 1) {
		p.add("Invalid payloadFormatVersion %s. Supported values for this integration: [%s]", shorten(v), strings.Join(versions, ", "))
	}
	if i.IntegrationType == typeHTTPProxy {
		checkHTTPMethod(p, i.IntegrationMethod)
	}
	if i.ConnectionType == connectionVPCLink && i.IntegrationType != typeHTTPProxy {
		p.add("A connection type of VPC_LINK is supported only for an integration type of HTTP_PROXY")
	}
	checkSubtype(p, i)
	if i.IntegrationSubtype == "" {
		checkRequestMappings(p, i.RequestParameters)
	}
	checkResponseMappings(p, i.ResponseParameters)
}

func checkHTTPMethod(p *problems, method string) {
	if method == "" {
		p.add("integrationMethod is required for this integration type")
		return
	}
	p.enum("integrationMethod", method, routeMethods...)
}

func checkWebSocketIntegration(p *problems, i *Integration) {
	for _, member := range []struct {
		name string
		set  bool
	}{
		{"integrationSubtype", i.IntegrationSubtype != ""},
		{"responseParameters", len(i.ResponseParameters) > 0},
		{"tlsConfig", i.TLSConfig != nil},
	} {
		if member.set {
			p.add("%s is supported only for APIs with a protocol type of HTTP", member.name)
		}
	}
	if i.PayloadFormatVersion != "1.0" {
		p.add("Invalid payloadFormatVersion %s. Supported values for this integration: [1.0]", shorten(i.PayloadFormatVersion))
	}
	if i.IntegrationType != typeMock {
		checkHTTPMethod(p, i.IntegrationMethod)
	}
	checkSelection(p, "templateSelectionExpression", strings.TrimPrefix(i.TemplateSelectionExpression, `\`))
	for key := range i.RequestParameters {
		if !strings.HasPrefix(key, "integration.request.") {
			p.add("Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: %s]", shorten(key))
		}
	}
}

// checkURI checks what an integration calls.
func checkURI(p *problems, i *Integration) {
	uri := i.IntegrationURI
	switch {
	case i.IntegrationType == typeMock, i.IntegrationSubtype != "":
		if uri != "" {
			p.add("integrationUri is not supported for this integration")
		}
	case uri == "":
		p.add("integrationUri is required for this integration type")
	case i.IntegrationType == typeAWS && !strings.HasPrefix(uri, "arn:"):
		p.add("Invalid ARN specified in the request")
	case i.IntegrationType == typeAWSProxy && !lambdaARN.MatchString(uri) && !strings.HasPrefix(uri, "${stageVariables."):
		p.add("Invalid ARN specified in the request: the integrationUri of an AWS_PROXY integration must be that of a Lambda function")
	case i.IntegrationType == typeHTTP, i.IntegrationType == typeHTTPProxy:
		if err := checkEndpoint(i); err != nil {
			p.add("Invalid HTTP endpoint specified for URI: %v", err)
		}
	}
}

// checkEndpoint checks the URI of an integration over HTTP. A private one names a
// listener or a service.
func checkEndpoint(i *Integration) error {
	uri := i.IntegrationURI
	if strings.HasPrefix(uri, "arn:") {
		if i.ConnectionType != connectionVPCLink {
			return fmt.Errorf("%q is supported only for a connection type of VPC_LINK", shorten(uri))
		}
		return nil
	}
	if strings.Contains(uri, "${stageVariables.") {
		return nil // What is in it is known by the stage only.
	}
	_, err := gateway.ParseEndpointURI(uri)
	return err
}
