package websocket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
	"gatehouse/internal/amazon"
)

// service is a service of AWS that is called with what the request template makes. What it
// answers is for the integration's responses.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-step-functions-tutorial.html
type service struct {
	services  *amazon.Client
	transport http.RoundTripper
	address   amazon.URI
	place     amazon.Place
	method    string
	// parameters and templates are those of the request.
	parameters []parameter
	templates  *templates
	api        string
}

func (s *service) invoke(ctx context.Context, e *event) (*answer, error) {
	out, err := s.templates.render(ctx, e, e.body, vtl.Overrides{})
	if err != nil {
		return nil, failed(ctx, http.StatusInternalServerError, err)
	}
	response, err := s.call(ctx, e, []byte(out.Text), overridden(s.parameters, out.Overrides.Request))
	if err != nil {
		return nil, failed(ctx, http.StatusInternalServerError, fmt.Errorf("calling %s: %w", s.place.Name, err))
	}
	return readAnswer(ctx, response, out.Overrides)
}

// call sends a signed request. The body of the answer is unread.
func (s *service) call(ctx context.Context, e *event, body []byte, parameters []parameter) (*http.Response, error) {
	path, query, err := s.target(e, parameters)
	if err != nil {
		return nil, err
	}
	header := http.Header{
		"Accept": {"application/json"}, "User-Agent": {"AmazonAPIGateway_" + s.api}, "X-Amzn-Apigateway-Api-Id": {s.api},
	}
	for _, p := range parameters {
		if p.in == "header" {
			header.Set(p.name, p.value(e))
		}
	}
	body = s.address.Complete(header, body)
	if s.method == http.MethodGet || s.method == http.MethodHead || s.method == http.MethodOptions {
		body = nil
	}
	if len(body) > 0 && header["Content-Type"] == nil {
		header.Set("Content-Type", contentType(body))
	}
	there, err := s.services.Service(ctx, s.place)
	if err != nil {
		return nil, err
	}
	request, err := there.Request(ctx, s.method, path, query, body)
	if err != nil {
		return nil, err
	}
	request.Header = header
	digest := sha256.Sum256(body)
	if err := there.Sign(ctx, request, hex.EncodeToString(digest[:])); err != nil {
		return nil, err
	}
	if t := e.trace(); t != nil {
		t.Ask(request.URL.String(), request.Header, body)
	}
	// Without a client around it, which would follow redirects.
	return s.transport.RoundTrip(request)
}

// target is where the service is asked.
func (s *service) target(e *event, parameters []parameter) (path, query string, err error) {
	fill := func(name string) string {
		for _, p := range parameters {
			if p.in == "path" && p.name == name {
				return amazon.Encode(p.value(e))
			}
		}
		return ""
	}
	literally := func(text string) string { return text }
	query = gateway.ReplacePlaceholders(s.address.Query, literally, fill)
	for _, p := range parameters {
		if p.in != "querystring" {
			continue
		}
		if query != "" {
			query += "&"
		}
		query += amazon.Encode(p.name) + "=" + amazon.Encode(p.value(e))
	}
	if s.address.Action != "" {
		return "/", s.address.ActionQuery(query), nil
	}
	path = gateway.ReplacePlaceholders(s.address.Path, literally, fill)
	if s.address.Known.SigningName == "s3" {
		path, err = amazon.ObjectPath(path)
	} else if amazon.HasDots(path) {
		err = fmt.Errorf("the path of the service would have . or .. in it")
	}
	return path, query, err
}

// readAnswer reads what a backend or a service has answered.
func readAnswer(ctx context.Context, response *http.Response, overrides vtl.Overrides) (*answer, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, failed(ctx, http.StatusInternalServerError, err)
	case len(body) > maxAnswer:
		return nil, &failure{http.StatusInternalServerError, messageInternal, fmt.Errorf("the backend answered more than %d bytes", maxAnswer)}
	}
	return &answer{status: response.StatusCode, header: response.Header, body: body, overrides: overrides}, nil
}

// service compiles an integration of type AWS that calls no function; nil if something is
// wrong with it, which is reported.
func (c *compiler) service(in *gateway.Integration, uri, key string) *service {
	s := &service{
		services: c.services, transport: c.transport, method: in.HTTPMethod, api: c.api.ID, parameters: c.parameters(in, key),
		templates: c.templates(in.RequestTemplates, in.TemplateSelectionExpression, in.PassthroughBehavior, in.Source),
	}
	if s.method == "" {
		s.method = http.MethodPost
	}
	var err error
	if s.address, err = amazon.ParseURI(uri); err != nil {
		c.errorf("invalid-uri", in.URISource, amazon.URIForm, "%s cannot call a service: %v", key, err)
		return nil
	}
	ok := true
	if p := s.address.Problem(); p != nil && p.Warning {
		c.found.Warnf(p.Code, in.URISource, "", p.Hint, "%s", p.Message)
	} else if p != nil {
		c.errorf(p.Code, in.URISource, p.Hint, "%s", p.Message)
		ok = false
	}
	for _, name := range s.address.Placeholders() {
		if !slices.ContainsFunc(s.parameters, func(p parameter) bool { return p.in == "path" && p.name == name }) && !setsOverrides(in) {
			c.errorf("unmapped-uri-parameter", in.URISource, "add integration.request.path."+name+" to requestParameters", "nothing fills {%s} of the integration URI", name)
			ok = false
		}
	}
	role, right := c.role(in, key)
	if !ok || !right {
		return nil
	}
	s.place = s.address.Place(role)
	return s
}

// setsOverrides reports whether a template may say what a path has in it.
func setsOverrides(in *gateway.Integration) bool {
	for _, template := range in.RequestTemplates {
		if strings.Contains(template, "requestOverride") {
			return true
		}
	}
	return false
}

// role is what a function or a service is called as; "" for Gatehouse itself.
func (c *compiler) role(in *gateway.Integration, key string) (role string, ok bool) {
	if in.Credentials == "" {
		return "", true
	}
	text, _ := gateway.ResolveStageVariables(in.Credentials, c.variables) // Validate reports what is missing.
	role, err := amazon.ParseRole(text)
	if err != nil {
		c.errorf("invalid-credentials", in.Source, "write arn:aws:iam::ACCOUNT:role/NAME, or leave it out for Gatehouse's own credentials", "the credentials of %s: %v", key, err)
	}
	return role, err == nil
}
