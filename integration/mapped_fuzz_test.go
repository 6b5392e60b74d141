package integration_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// FuzzMapped sends what clients and functions may send through every kind of mapping. Each
// request has an answer that is one, and a function is only called with JSON.
func FuzzMapped(f *testing.F) {
	f.Add(`{"a":{"b":[1,"x"]},"status":404}`, `{"total":1,"errorMessage":"{\"code\":7}"}`, "a=1&b=%zz;c", "application/json; charset=x", "image/png", false)
	f.Add(`{"a":"1\r\nX-Smuggled: 1"}`, `{"total":"1\r\nX-Smuggled: 1"}`, "a=%0d%0aX-Smuggled:%201", "", "", true)
	f.Add(`["`, `null`, "", "image/png", "text/html", true)
	f.Add(`"aGk="`, `"aGk="`, "=&=", "text/plain", "*/*", false)
	route := customRoute("POST", "/x/{id}",
		requestTemplate("application/json", `#set($context.requestOverride.header.X-Set = $input.path('$.a'))#set($context.requestOverride.querystring.q = $input.params('a')){"b": $input.json('$.a.b'), "p": "$util.escapeJavaScript($input.params('a')).replaceAll("\\'", "'")"}`),
		requestMaps("integration.request.header.X-Amz-Invocation-Type", "method.request.querystring.how", "integration.request.querystring.a", "method.request.body.a.b", "integration.request.path.id", "method.request.multivalueheader.Accept"),
		responseMaps("method.response.header.X-Total", "integration.response.body.total", "method.response.header.X-Code", "integration.response.body.errorMessage.code", "method.response.header.X-All", "integration.response.body", "method.response.header.X-Agent", "context.identity.userAgent"),
		responseTemplate("application/json", `#set($context.responseOverride.header.X-Set = $input.path('$.total'))#set($context.responseOverride.status = $input.path('$.status'))$input.json('$')`), responseTemplate("image/png", ""))
	route.Integration.Responses = append(route.Integration.Responses, gateway.IntegrationResponse{SelectionPattern: `[a-z ]+(\n|.)*`, StatusCode: "404", ContentHandling: "CONVERT_TO_BINARY"})
	s := snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{route}, BinaryMediaTypes: []string{"image/png"}})
	compiled, found := integration.Compile(s)
	if compiled == nil {
		f.Fatal(found)
	}
	f.Fuzz(func(t *testing.T, body, result, query, contentType, accept string, fails bool) {
		called := &functions{call: func(_ context.Context, _ lambda.Target, event []byte) ([]byte, error) {
			if !json.Valid(event) {
				t.Errorf("called with %q", event)
			}
			if fails {
				return nil, &lambda.FunctionError{Message: result, Result: []byte(result)}
			}
			return []byte(result), nil
		}}
		server := integration.New(integration.Options{Lambda: called, Log: slog.New(slog.DiscardHandler)})
		server.Swap(compiled)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/x/7", strings.NewReader(body))
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		r.RequestURI = "/v1/x/7?" + (&url.URL{RawQuery: query}).RawQuery
		r.Header.Set(wire.RouteHeader, wire.RouteIdentity{API: "a", Stage: "v1", Base: "/v1", Route: "POST /x/{id}"}.String())
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), "WebSocket") {
			t.Fatal("it never got to the route")
		}
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("status %d", w.Code)
		}
		for name, values := range w.Result().Header {
			if strings.EqualFold(name, "X-Smuggled") || strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("%s: %q", name, values)
			}
		}
	})
}
