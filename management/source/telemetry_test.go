package source_test

import (
	"testing"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
	"gatehouse/management/restapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

// TestLogs holds that stages of the management API are logged and counted as its
// users want, but for formats that mean nothing, and never to a file.
func TestLogs(t *testing.T) {
	s := store.NewMemory()
	const rest, http = "eu-west-1/restapis/a1b2c3d4e5", "eu-west-1/apis/n1o2t3e4s5"
	const chat, socketFormat = "eu-west-1/apis/c1h2a3t4s5", "$context.requestId $context.connectionId"
	const format = "${context.requestId} $context.status"
	stage := func(name, format string) restapi.Stage {
		return restapi.Stage{
			StageName: name, DeploymentID: "d1", Variables: map[string]string{"version": "v1"},
			AccessLogSettings: &restapi.AccessLogSettings{Format: format, DestinationARN: "/etc/passwd"},
			MethodSettings:    map[string]restapi.MethodSetting{"*/*": {MetricsEnabled: true, LoggingLevel: "INFO", DataTraceEnabled: true}, "~1{id}/GET": {LoggingLevel: "ERROR", DataTraceEnabled: true}},
		}
	}
	put(t, s, map[string]any{
		rest: petsContent("").API, rest + "/contents/d1": petsContent("http://127.0.0.1:9101"),
		rest + "/stages/good": stage("good", format+"\n"), rest + "/stages/odd": stage("odd", "$context.requestId $context.nonsense"),
		http: notesContent("").API, http + "/contents/d1": notesContent("/a"),
		http + "/stages/$default": httpapi.Stage{
			StageName: "$default", DeploymentID: "d1", AccessLogSettings: &httpapi.AccessLogSettings{Format: format, DestinationARN: "arn:aws:logs:eu-west-1:000000000000:log-group:a"},
			RouteSettings: map[string]httpapi.RouteSettings{"GET /a": {DetailedMetricsEnabled: true}},
		},
		chat: chatContent("say").API, chat + "/contents/d1": chatContent("say"),
		chat + "/stages/v1": httpapi.Stage{
			StageName: "v1", DeploymentID: "d1", AccessLogSettings: &httpapi.AccessLogSettings{Format: socketFormat, DestinationARN: "/etc/passwd"},
			DefaultRouteSettings: &httpapi.RouteSettings{LoggingLevel: "INFO", DataTraceEnabled: true, DetailedMetricsEnabled: true},
			RouteSettings:        map[string]httpapi.RouteSettings{"say": {LoggingLevel: "OFF"}},
		},
		chat + "/stages/quiet": httpapi.Stage{StageName: "quiet", DeploymentID: "d1", DefaultRouteSettings: &httpapi.RouteSettings{LoggingLevel: "OFF"}},
	})
	files := render(t, source.NewRenderer(), s, nil)
	files.Content["gateways.yaml"] = []byte("gateways: [{name: edge, listeners: [{port: 8080}], telemetry: true}]")
	files.Paths = append(files.Paths, "gateways.yaml")
	got := load(t, files)
	for _, c := range []struct{ api, stage, format string }{
		{"a1b2c3d4e5", "good", format}, {"a1b2c3d4e5", "odd", ""}, {"n1o2t3e4s5", "$default", format},
		{"c1h2a3t4s5", "v1", socketFormat}, {"c1h2a3t4s5", "quiet", ""},
	} {
		switch log := got.API(c.api).Stage(c.stage).AccessLog; {
		case log == nil && c.format != "", log != nil && (log.Format != c.format || log.Destination != gateway.DestinationStdout):
			t.Errorf("the log of %s/%s is %+v, want %q", c.api, c.stage, log, c.format)
		}
	}
	good, notes := got.API("a1b2c3d4e5").Stage("good"), got.API("n1o2t3e4s5").Stage("$default")
	if other, own := good.RouteExecution("GET /other"), good.RouteExecution("GET /{id}"); !other.Data() || own.Steps() || own.DataTrace || !own.Errors() {
		t.Errorf("execution logs are %+v and %+v", other, own)
	}
	v1, quiet := got.API("c1h2a3t4s5").Stage("v1"), got.API("c1h2a3t4s5").Stage("quiet")
	if all, own := v1.RouteExecution("$connect"), v1.RouteExecution("say"); !all.Data() || own.Errors() || quiet.LogsExecutions() {
		t.Errorf("execution logs of events are %+v and %+v", all, own)
	}
	if !v1.RouteDetailed("$connect") || v1.RouteDetailed("say") {
		t.Errorf("%+v", v1.Settings)
	}
	if !good.RouteDetailed("GET /other") || good.RouteDetailed("GET /{id}") || !notes.RouteDetailed("GET /a") || notes.RouteDetailed("GET /b") {
		t.Errorf("%+v %+v", good.Settings, notes.Settings)
	}
}
