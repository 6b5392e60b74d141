package restjson_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/management/restjson"
)

// TestNoEffect: who stores what changes nothing is told in the log, once for each member, with
// what has it. Who has not asked for it, or for what is so in any case, is not.
func TestNoEffect(t *testing.T) {
	var log bytes.Buffer
	echo := func(_ context.Context, c *restjson.Call) (any, error) {
		answer := map[string]any{"id": "a1", "mode": "slow", "routes": map[string]any{"GET /": map[string]any{"level": "INFO"}, "PUT /": map[string]any{"level": "INFO"}}}
		c.About = c.Query.Get("about")
		return answer, json.Unmarshal(c.Body, &answer)
	}
	service := restjson.NewService(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}})),
		restjson.Operation{Name: "CreateThing", Method: "POST", Path: "/things", Status: http.StatusCreated, Do: echo},
		restjson.Operation{Name: "GetThing", Method: "GET", Path: "/things/{thing_id}", Status: http.StatusOK, Do: echo},
		restjson.Operation{Name: "UpdateThing", Method: "PATCH", Path: "/things/{thing_id}", Status: http.StatusOK, Do: echo},
	).Keeping([]restjson.NoEffect{
		{Operations: []string{"CreateThing", "UpdateThing"}, Member: "mode", Harmless: []string{"fast"}, Why: "it is fast"},
		{Operations: []string{"CreateThing", "UpdateThing"}, Member: "routes.*.level", About: "talk", Why: "nobody listens"},
		{Operations: []string{"CreateThing"}, Member: "kinds", Harmless: []string{"near"}, Why: "all are near"},
	})
	for _, test := range []struct{ method, path, body, want string }{
		{"POST", "/things", `{"mode":"slow"}`, "operation=CreateThing resource=/things/a1 member=mode why=\"it is fast\"\n"},
		{"POST", "/things", `{"mode":"fast"}`, ""},
		{"POST", "/things", `{}`, ""},
		{"PATCH", "/things/b2", `{"mode":"slow"}`, "operation=UpdateThing resource=/things/b2 member=mode why=\"it is fast\"\n"},
		{"PATCH", "/things/b2", `{"level":1}`, ""},
		{"PATCH", "/things/b2?about=talk", `{"level":1}`, "operation=UpdateThing resource=/things/b2 member=routes.*.level why=\"nobody listens\"\n"},
		{"POST", "/things", `{"kinds":["near","far","away"]}`, "operation=CreateThing resource=/things/a1 member=kinds why=\"all are near\"\n"},
		{"POST", "/things", `{"kinds":["near"]}`, ""},
		{"POST", "/things", `{"kinds":[]}`, ""},
	} {
		log.Reset()
		service.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body)))
		if got := log.String(); got != test.want {
			t.Errorf("%s %s %s: %q, want %q", test.method, test.path, test.body, got, test.want)
		}
	}
}
