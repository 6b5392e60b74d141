package restapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestBadInput: what is wrong is told in Amazon's words, and nothing has changed then.
func TestBadInput(t *testing.T) {
	c := newCaller(t, Options{})
	api, method := c.api()
	c.deploy(api, `{"stageName":"prod"}`)
	stage := api + "/stages/prod"
	other, _ := c.api()
	deployment := c.deploy(other, `{}`)
	const badPolicy = "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
	for _, refused := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"POST", "/restapis", `{"name":""}`, 400, "Name cannot be empty"},
		{"POST", "/restapis", `{"name":"x","description":""}`, 400, "Description cannot be an empty string"},
		{"POST", "/restapis", `{"name":"x","minimumCompressionSize":10485761}`, 400, "Invalid minimum compression size, must be between 0 and 10485760"},
		{"POST", "/restapis", `{"name":"x","endpointConfiguration":{"types":["NEAR"]}}`, 400, "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"},
		{"POST", "/restapis", `{"name":"x","endpointConfiguration":{"types":["PRIVATE"],"ipAddressType":"ipv4"}}`, 400, "Only dualstack ipAddressType is supported for Private APIs."},
		{"POST", "/restapis", `{"name":"x","tags":{"aws:cost":"1"}}`, 400, "The names of tags cannot begin with aws:"},
		{"POST", "/restapis", `{"name":`, 400, "unexpected end of JSON input"},
		{"POST", "/restapis", `["x"]`, 400, "The body must be an object: array is not expected here"},
		{"POST", "/restapis", `{"name":"x","endpointConfiguration":{"types":"EDGE"}}`, 400, "endpointConfiguration.types: string is not expected here"},
		{"PATCH", api, `{"patchOperations":[{"op":"replace","value":"x"}]}`, 400, "Invalid patch path null"},
		{"PATCH", api, patch(`{"op":"add","path":"/name","value":"x"}`), 400, "Invalid patch operation specified. Must be one of: [replace]"},
		{"PATCH", api, patch(`{"op":"copy","path":"/description","value":"x"}`), 400, "Invalid patch operation specified. Must be 'add'|'remove'|'replace'"},
		{"PATCH", api, patch(`{"op":"replace","path":"/description","value":"half"}`, `{"op":"replace","path":"/name","value":" "}`), 400, "Name cannot be empty"},
		// A null would be served as no policy.
		{"PATCH", api, patch(`{"op":"replace","path":"/policy","value":"null"}`), 400, badPolicy},
		{"POST", "/restapis", `{"name":"x","policy":"null"}`, 400, badPolicy},
		{"POST", "/restapis", `{"name":"x","policy":"{\"Statement\":null}"}`, 400, badPolicy},
		{"POST", "/restapis", `{"name":"x","policy":"[]"}`, 400, badPolicy},
		{"GET", "/restapis?limit=many", "", 400, "Invalid limit specified: 'many'"},
		{"GET", "/restapis?position=-", "", 400, "Invalid position specified: '-'"},
		{"PUT", method + "/responses/99", `{}`, 400, "Invalid Response status code specified"},
		{"PUT", method + "/responses/200", `{"responseModels":{"application/json":"Nothing"}}`, 400, "Invalid model identifier specified: Nothing"},
		{"PATCH", method, patch(`{"op":"add","path":"/requestParameters/method.request.cookie.x","value":"true"}`), 400,
			"Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: method.request.cookie.x]"},
		{"PATCH", method, patch(`{"op":"add","path":"/requestParameters/method.request.header.x","value":"true"}`, `{"op":"add","path":"/requestParameters/method.request.querystring.x","value":"true"}`), 400,
			"Parameter names must be unique across querystring, header and path"},
		{"PATCH", method, patch(`{"op":"replace","path":"/requestValidatorId","value":"abc123"}`), 400, "Invalid Request Validator identifier specified"},
		{"PUT", method + "/integration", `{"type":"HTTP","httpMethod":"GET","uri":"http://x/","passthroughBehavior":"SOMETIMES"}`, 400, "Invalid passthroughBehavior specified. Valid options are WHEN_NO_MATCH,WHEN_NO_TEMPLATES,NEVER"},
		{"PUT", method + "/integration", `{"type":"AWS","httpMethod":"POST","uri":"arn:aws:apigateway:eu-west-1:sqs:path/1/queue","credentials":"somebody"}`, 400, "Invalid ARN specified in the request"},
		{"PUT", method + "/integration", `{"type":"HTTP_PROXY","httpMethod":"GET","uri":"http://x/","timeoutInMillis":300001}`, 400, "Timeout should be between 50 ms and 300000 ms"},
		{"PUT", method + "/integration", `{"type":"HTTP_PROXY","httpMethod":"GET","uri":"http://x/","timeoutInMillis":900001,"responseTransferMode":"STREAM"}`, 400, "Timeout should be between 50 ms and 900000 ms"},
		{"PUT", method + "/integration", `{"type":"HTTP","httpMethod":"GET","uri":"http://x/","connectionType":"VPC_LINK"}`, 400, "VPC Links require a connectionId"},
		{"PUT", method + "/integration", `{"type":"HTTP","httpMethod":"GET","uri":"http://x/","requestParameters":{"integration.request.header.x":"body"}}`, 400,
			"Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: body]"},
		{"PUT", api + "/gatewayresponses/NOTHING", `{}`, 400, "1 validation error detected: Value 'NOTHING' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: [" + strings.Join(responseTypes, ", ") + "]"},
		{"PUT", api + "/gatewayresponses/THROTTLED", `{"responseParameters":{"gatewayresponse.header.x":null}}`, 400, "Invalid null or empty value in responseParameters"},
		// What is another API's is not this one's.
		{"PATCH", stage, patch(`{"op":"replace","path":"/deploymentId","value":"` + deployment + `"}`), 400, "Deployment id does not exist"},
		{"PATCH", stage, patch(`{"op":"replace","path":"/variables/color","value":"two words"}`), 400,
			"Stage variable value for color is invalid. Please use values with alphanumeric characters and the symbols '-', '.', '_', '~', ':', '/', '?', '&', '=', and ','."},
		{"PATCH", stage, patch(`{"op":"replace","path":"/accessLogSettings/format","value":""}`), 400, "Access Log value must not be empty"},
		{"PATCH", stage, patch(`{"op":"replace","path":"/accessLogSettings/nothing","value":"x"}`), 400, "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]"},
		{"PATCH", stage, patch(`{"op":"replace","path":"/canarySettings/percentTraffic","value":"101"}`), 400, "Invalid percentTraffic specified: it must be 0, or between 0.0001 and 100"},
		{"PATCH", stage, patch(`{"op":"replace","path":"/canarySettings/percentTraffic","value":"0.00009"}`), 400, "Invalid percentTraffic specified: it must be 0, or between 0.0001 and 100"},
		{"PATCH", stage, patch(`{"op":"replace","path":"/canarySettings/percentTraffic","value":"NaN"}`), 400, "Invalid value 'NaN' specified for /canarySettings/percentTraffic: a number is expected"},
		{"POST", api + "/stages", `{"stageName":"a b","deploymentId":"` + deployment + `"}`, 400, "Stage name only allows a-zA-Z0-9_"},
		{"DELETE", stage + "/cache/data", "", 400, "Cache cluster is not enabled for this stage"},
		{"GET", "/tags/arn:aws:apigateway:us-east-1::" + api, "", 400, "Invalid resource ARN: arn:aws:apigateway:us-east-1::" + api},
	} {
		c.refused(refused.status, refused.message, refused.method, refused.path, refused.body)
	}
	if status, kind, _ := c.call("GET", "/nothing", ""); status != http.StatusForbidden || kind != "MissingAuthenticationTokenException" {
		t.Errorf("an unknown path: %d %s", status, kind)
	}
}

// TestAtOnce: of those who make the same resource at the same time, one does.
func TestAtOnce(t *testing.T) {
	c := newCaller(t, Options{})
	made := c.must(http.StatusCreated, "POST", "/restapis", `{"name":"pets"}`)
	path := fmt.Sprintf("/restapis/%s/resources/%s", made["id"], made["rootResourceId"])
	var wg sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wg.Go(func() { statuses[i], _, _ = c.call("POST", path, `{"pathPart":"pets"}`) })
	}
	wg.Wait()
	created := 0
	for _, status := range statuses {
		switch status {
		case http.StatusCreated:
			created++
		case http.StatusConflict:
		default:
			t.Errorf("status %d", status)
		}
	}
	if created != 1 {
		t.Errorf("%d of 8 made the resource", created)
	}
}

// FuzzPatch: whatever the changes are, documents can be kept and read again afterwards.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		patch(`{"op":"replace","path":"/~1pets~1{id}/GET/throttling/rateLimit","value":"5"}`),
		patch(`{"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"}`),
		patch(`{"op":"remove","path":"/*/*"}`), patch(`{"op":"replace","path":"//","value":""}`),
		patch(`{"op":"add","path":"/binaryMediaTypes/~1~0~01","value":"x"}`), `{"patchOperations":[{"op":"add"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var body struct {
			PatchOperations []patchOperation `json:"patchOperations"`
		}
		if json.Unmarshal([]byte(text), &body) != nil {
			return
		}
		stage, api, method, integration := newStage("prod"), &RestAPI{}, &Method{}, &Integration{}
		for _, patched := range []struct {
			doc any
			err error
		}{
			{stage, patchStage(stage, body.PatchOperations)},
			{api, applyPatch(api, body.PatchOperations, pathOnly, restAPIPatches)},
			{method, applyPatch(method, body.PatchOperations, pathOnly, methodPatches)},
			{integration, applyPatch(integration, body.PatchOperations, pathOnly, integrationPatches)},
		} {
			if patched.err != nil {
				continue
			}
			if _, err := json.Marshal(patched.doc); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}
