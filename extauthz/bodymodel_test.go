package extauthz_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// withModels has a route's bodies validated.
func withModels(r gateway.Route, models map[string]string) *gateway.Snapshot {
	r.RequestModels, r.RequestValidator = models, "body"
	s := one(gateway.REST, r)
	d := s.APIs[0].Stages[0].Deployment
	d.RequestValidators = []gateway.RequestValidator{{Name: "body", ValidateBody: true}, {Name: "none"}}
	d.Models = []gateway.Model{
		{Name: "Pet", Schema: `{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}`},
		{Name: "List", Schema: `{"type":"array","items":{"$ref":"https://apigateway.amazonaws.com/restapis/a1/models/Pet"}}`},
	}
	return s
}

func bodyAsk(body string, headers ...string) ask {
	return ask{route: "POST /pets", base: "/v1", method: "POST", path: "/v1/pets", about: wire.CheckBody, body: []byte(body), headers: headers}
}

// TestBodies are held to the model of their type, those without one to nothing.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
func TestBodies(t *testing.T) {
	const json, list, xml = "content-type: application/json", "content-type: application/list+json", "content-type: application/xml"
	models := map[string]string{"application/json": "Pet", "Application/List+JSON": "List"}
	for name, c := range map[string]struct {
		models map[string]string
		ask    ask
		code   string
	}{
		"good":                       {models, bodyAsk(`{"name":"a"}`, json), ""},
		"bad":                        {models, bodyAsk(`{"name":1}`, json), "body-not-allowed"},
		"no type":                    {models, bodyAsk(`{"name":1}`), "body-not-allowed"},
		"an empty type":              {models, bodyAsk(`{"name":1}`, "content-type: "), "body-not-allowed"},
		"its parameters":             {models, bodyAsk(`{"name":1}`, "content-type: APPLICATION/json ;charset=utf-8"), "body-not-allowed"},
		"another type's model":       {models, bodyAsk(`[{"name":"a"},{}]`, list), "body-not-allowed"},
		"another type's model, good": {models, bodyAsk(`[{"name":"a"}]`, list), ""},
		"a type without a model":     {models, bodyAsk(`{"name":1}`, xml), ""},
		"nearly the type":            {models, bodyAsk(`{"name":1}`, "content-type: application/json5"), ""},
		"two types":                  {models, bodyAsk(`{"name":1}`, xml, json), "body-not-allowed"},
		"two types in one":           {models, bodyAsk(`{"name":1}`, "content-type: text/html,application/json"), "body-not-allowed"},
		"any type":                   {map[string]string{"$default": "Pet"}, bodyAsk(`{"name":1}`, xml), "body-not-allowed"},
		"any type, none given":       {map[string]string{"$default": "Pet"}, bodyAsk(`{"name":1}`), "body-not-allowed"},
		"any type but one":           {map[string]string{"$default": "Pet", "application/json": "List"}, bodyAsk(`[]`, json), ""},
		"none, taken for {}":         {models, bodyAsk(``, json, "content-length: 0"), "body-not-allowed"},
		"not JSON":                   {models, bodyAsk(`{`, json), "body-not-json"},
		"too deep":                   {models, bodyAsk(strings.Repeat("[", 999)+strings.Repeat("]", 999), json), "body-too-complex"},
		"not sent along":             {models, bodyAsk(``, json, "content-length: 12"), "body-missing"},
		"sent in part":               {models, bodyAsk(`{"name":"a"}`, json, "x-envoy-auth-partial-body: true"), "body-missing"},
		"compressed, though nobody decompresses it": {models, bodyAsk(`{"name":"a"}`, json, "content-encoding: gzip"), ""},
		"about the caller":                          {models, ask{route: "POST /pets", base: "/v1", method: "POST", body: []byte("{")}, ""},
	} {
		h := newHarness(t, withModels(opened("POST", "/pets"), c.models))
		got := h.check(c.ask)
		status, message := 200, ""
		switch {
		case c.code == "body-missing":
			status, message = 500, `{"message":"Internal server error"}`
		case c.code != "":
			status, message = 400, `{"message":"Invalid request body"}`
		}
		if got.status != status || got.body != message || got.code() != c.code {
			t.Errorf("%s: %d %s %v", name, got.status, got.body, got.kept)
		}
		if detail, _ := got.kept[wire.AnswerDetail].(string); (status == 400) != strings.HasPrefix(detail, "[") {
			t.Errorf("%s: the detail is %q", name, detail)
		}
		if strings.Contains(h.log.String(), `{"name"`) {
			t.Errorf("%s: the log has the body: %s", name, h.log)
		}
	}
}

// TestUnvalidatedBodies are those that no validator looks at.
func TestUnvalidatedBodies(t *testing.T) {
	for name, change := range map[string]func(*gateway.Deployment){
		"no validator":      func(d *gateway.Deployment) { d.Routes[0].RequestValidator = "" },
		"another validator": func(d *gateway.Deployment) { d.Routes[0].RequestValidator = "none" },
		"no model":          func(d *gateway.Deployment) { d.Routes[0].RequestModels = nil },
		"an HTTP API":       func(d *gateway.Deployment) { d.Protocol = gateway.HTTP },
	} {
		s := withModels(opened("POST", "/pets"), map[string]string{"application/json": "Pet"})
		change(s.APIs[0].Stages[0].Deployment)
		if got := newHarness(t, s).check(bodyAsk(`{`)); got.status != 200 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// TestBodyQuestion asks about a body and a caller apart: neither answers for the other.
func TestBodyQuestion(t *testing.T) {
	s := withModels(custom("POST", "/pets"), map[string]string{"application/json": "Pet"})
	s.APIs[0].Stages[0].Deployment.Authorizers = []gateway.Authorizer{tokenAuthorizer()}
	h := newHarness(t, s)
	caller := bodyAsk(`{`)
	caller.about = ""
	if got := h.check(caller); got.status != 401 {
		t.Errorf("the caller: %d %s", got.status, got.body)
	}
	if got := h.check(bodyAsk(`{"name":"a"}`)); got.status != 200 || h.lambda.calls() != 0 {
		t.Errorf("the body: %d %s, %d calls", got.status, got.body, h.lambda.calls())
	}
	unknown := bodyAsk(`{"name":"a"}`)
	unknown.route = "POST /nothing"
	if got := h.check(unknown); got.status != 500 || got.code() != "unknown-route" {
		t.Errorf("an unknown route: %d %s", got.status, got.body)
	}
}

func TestCompressedBodies(t *testing.T) {
	s := withModels(opened("POST", "/pets"), map[string]string{"application/json": "Pet"})
	size := int64(0)
	s.APIs[0].Stages[0].Deployment.MinimumCompressionSize = &size
	h := newHarness(t, s)
	pack := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		fmt.Fprint(w, text)
		w.Close()
		return b.String()
	}
	for body, code := range map[string]string{
		pack(`{"name":"a"}`):            "",
		pack(`{"name":1}`):              "body-not-allowed",
		pack(`{"name":"a"}`) + pack(``): "body-not-json",
		pack(`{"name":"a"}`) + "x":      "body-not-json",
		`{"name":"a"}`:                  "body-not-json",
		pack(`{"name":"` + strings.Repeat("a", 10<<20) + `"}`): "body-not-json",
	} {
		for _, encoding := range []string{"gzip", " GZIP "} {
			if got := h.check(bodyAsk(body, "content-encoding: "+encoding)); got.code() != code {
				t.Errorf("%d bytes: %d %v", len(body), got.status, got.kept)
			}
		}
	}
	if got := h.check(bodyAsk(`{"name":"a"}`, "content-encoding: identity")); got.status != 200 {
		t.Errorf("identity: %d %v", got.status, got.kept)
	}
}

// TestBadModels are told at the model, once, and nothing serves with them.
func TestBadModels(t *testing.T) {
	s := withModels(opened("POST", "/pets"), map[string]string{"application/json": "Bad", "text/json": "Nobody"})
	d := s.APIs[0].Stages[0].Deployment
	d.Models = append(d.Models, gateway.Model{Name: "Bad", Schema: `{"type":"objekt"}`, Source: gateway.Position{File: "m.yaml", Line: 3, Column: 4}})
	d.Routes = append(d.Routes, d.Routes[0])
	d.Routes[1].Method = "PUT"
	compiled, found := extauthz.Compile(s.Seal())
	if compiled != nil || len(found) != 3 || found[0].Code != "invalid-model" || found[2].Pos.String() != "m.yaml:3:4" {
		t.Errorf("%v", found)
	}
}

// TestBodiesTogether are never more than there is room for, and a client that goes away
// makes room.
func TestBodiesTogether(t *testing.T) {
	h := newHarness(t, withModels(opened("POST", "/pets"), map[string]string{"application/json": "List"}), quiet)
	large := bodyAsk("[" + strings.Repeat(`{"name":"a"},`, 150_000) + `{"name":"a"}]`)
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				cancel()
			}
			got := h.checkIn(ctx, large)
			if got.status != 200 && (i%3 != 0 || got.code() != "cancelled") {
				t.Errorf("%d: %d %v", i, got.status, got.kept)
			}
		})
	}
	group.Wait()
	if got := h.check(bodyAsk(`[]`)); got.status != 200 {
		t.Errorf("behind them: %d %v", got.status, got.kept)
	}
}

// FuzzBody takes anything for a body and its type: the answer can be sent, and its
// detail can stand in a JSON string.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"name":"\u2028</script>"}`), "application/json", "gzip")
	f.Add([]byte("\x1f\x8b\x08"), "\xff,;", "")
	f.Add([]byte(`[[{"name":"\ud800"}]]`), "", "")
	s := withModels(opened("POST", "/pets"), map[string]string{"application/json": "Pet", "text/json": "List"})
	size := int64(0)
	s.APIs[0].Stages[0].Deployment.MinimumCompressionSize = &size
	h := newHarness(f, s, quiet)
	f.Fuzz(func(t *testing.T, body []byte, contentType, encoding string) {
		got, err := h.Check(t.Context(), bodyAsk(string(body), "content-type: "+contentType, "content-encoding: "+encoding).request())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proto.Marshal(got); err != nil {
			t.Errorf("the answer cannot be sent: %v", err)
		}
		o := outcomeOf(got)
		if o.code() == "internal-error" {
			t.Error("a mistake of ours")
		}
		if detail, ok := o.kept[wire.AnswerDetail].(string); ok && (!json.Valid([]byte(`"`+detail+`"`)) || !utf8.ValidString(detail) || strings.Contains(detail, "<")) {
			t.Errorf("the detail is %q", detail)
		}
	})
}
