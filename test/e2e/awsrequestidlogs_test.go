package e2e

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

const passingOn = `openapi: 3.0.1
paths:
  /pets:
    get:
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/pets"}
`

// TestAWSRequestIDLogs holds which of the ids is told that a service of Amazon's gives.
func TestAWSRequestIDLogs(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("as") {
		case "storage":
			w.Header().Set("x-amz-request-id", "storage-1")
			w.Header().Set("x-amz-id-2", "storage-2")
		case "service":
			w.Header().Set("x-amzn-requestid", "service-1")
		case "hostile":
			w.Header().Set("x-amz-request-id", "a\xff\"b")
		}
	}))
	t.Cleanup(backend.Close)
	log := func(names ...string) *gateway.StageAccessLog {
		return &gateway.StageAccessLog{Format: jsonFormat(append([]string{"extendedRequestId"}, names...)...), Destination: gateway.DestinationStdout}
	}
	s := snapshotOf(
		gateway.API{ID: "rest", Protocol: gateway.REST, Stages: []gateway.Stage{{
			Name: "v1", Deployment: deploy(t, gateway.REST, passingOn, backend.URL), AccessLog: log("awsEndpointRequestId"),
		}}},
		gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
			Name: "v1", Deployment: deploy(t, gateway.HTTP, passingOn, backend.URL), AccessLog: log("awsEndpointRequestId", "awsEndpointRequestId2"),
		}}},
		gateway.API{ID: "accounted", Protocol: gateway.REST, Stages: []gateway.Stage{{
			Name: "v1", Deployment: deploy(t, gateway.REST, passingOn, backend.URL),
			ExecutionLog: &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionSteps}, Destination: gateway.DestinationStdout},
		}}},
	)
	s.Gateways[0].Telemetry = true
	g := start(t, s)
	want := map[string]map[string]string{}
	ask := func(api, idHeader, as string, line map[string]string) {
		t.Helper()
		r := g.request("GET", api+".execute-api.localhost", "/v1/pets?as="+as, "")
		if r.StatusCode != 200 {
			t.Fatalf("%s: %d %s", api, r.StatusCode, r.body)
		}
		line["extendedRequestId"] = r.Header.Get(idHeader)
		want[line["extendedRequestId"]] = line
	}
	// A byte that is no text of ASCII is taken for a letter of Latin-1.
	for as, id := range map[string]string{"storage": "storage-1", "service": "service-1", "none": "-", "hostile": "aÿ\"b"} {
		ask("rest", "x-amzn-requestid", as, map[string]string{"awsEndpointRequestId": id})
		second := "-"
		if as == "storage" {
			second = "storage-2"
		}
		ask("http", "apigw-requestid", as, map[string]string{"awsEndpointRequestId": id, "awsEndpointRequestId2": second})
	}
	got := linesBy(t, "extendedRequestId", g.told.String, len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	r := g.request("GET", "accounted.execute-api.localhost", "/v1/pets?as=service", "")
	inOrder(t, g.executionsOf("accounted/v1", r.Header.Get("x-amzn-requestid")), "Starting execution for request: ", "AWS Integration Endpoint RequestId : service-1")
}
