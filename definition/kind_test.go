package definition_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

// TestDocumentsOfTheirOwn holds that a document that is given by its name is served as the
// kind of API that it was exported of, REST where it does not say.
func TestDocumentsOfTheirOwn(t *testing.T) {
	const proxy = `type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9101/pets"`
	document := func(root, integration string) string {
		return root + `
info: {title: pets, version: "1"}
paths: {/pets: {get: {responses: {}, x-amazon-apigateway-integration: {` + integration + `}}}}
`
	}
	none := "openapi: 3.0.1"
	exported := none + "\nx-amazon-apigateway-importexport-version: '1.0'"
	cors := none + "\nx-amazon-apigateway-cors: {allowOrigins: ['https://a.example']}"
	validators := "\nx-amazon-apigateway-request-validators: {all: {validateRequestBody: true}}"
	tests := map[string]struct {
		document string
		want     gateway.Protocol
	}{
		"nothing of either":                       {document(none, proxy), gateway.REST},
		"OpenAPI 2.0":                             {document(`swagger: "2.0"`, proxy), gateway.REST},
		"the version of exports of HTTP APIs":     {document(exported, proxy), gateway.HTTP},
		"that of a REST API, as some add it":      {document(exported+validators, proxy), gateway.REST},
		"cross-origin settings":                   {document(cors, proxy), gateway.HTTP},
		"cross-origin settings and other":         {document(cors, proxy+", passthroughBehavior: when_no_match"), gateway.HTTP},
		"a version of payloads":                   {document(none, proxy+", payloadFormatVersion: '1.0'"), gateway.HTTP},
		"one that a REST API has, to no end":      {document(none, proxy+", payloadFormatVersion: '1.0', passthroughBehavior: when_no_match"), gateway.REST},
		"one that a REST API has, with responses": {document(none, proxy+", payloadFormatVersion: '1.0', responses: {default: {statusCode: '200'}}"), gateway.REST},
		"an action of a service":                  {document(none, `type: aws_proxy, integrationSubtype: SQS-SendMessage, credentials: "arn:aws:iam::111122223333:role/q", requestParameters: {QueueUrl: "https://sqs.eu-west-1.amazonaws.com/1/q", MessageBody: $request.body}`), gateway.HTTP},
		"the default route": {`openapi: 3.0.1
info: {title: pets, version: "1"}
paths: {/$default: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {` + proxy + `}}}}
`, gateway.HTTP},
		"the default route as SAM writes it": {`openapi: 3.0.1
info: {title: pets, version: "1"}
paths: {$default: {x-amazon-apigateway-any-method: {isDefaultRoute: true, x-amazon-apigateway-integration: {` + proxy + `}}}}
`, gateway.HTTP},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder(t, map[string]string{"pets.yaml": test.document})
			result := load(t, "pets.yaml")
			if result.Snapshot == nil {
				t.Fatal(lines(result.Diagnostics))
			}
			api := result.Snapshot.APIs[0]
			stage := map[gateway.Protocol]string{gateway.REST: "default", gateway.HTTP: gateway.DefaultStage}[test.want]
			if api.Protocol != test.want || api.Stages[0].Name != stage || api.Stages[0].Deployment.Protocol != test.want {
				t.Errorf("%s with the stage %s, want %s with %s", api.Protocol, api.Stages[0].Name, test.want, stage)
			}
			if mapped := result.Snapshot.Domains[0].Mappings[0].Stage; mapped != stage {
				t.Errorf("every host leads to %s, want %s", mapped, stage)
			}
		})
	}
}

// TestNamesOfDocumentsOfTheirOwn holds what APIs are called that are documents only, and
// where several of them are served.
func TestNamesOfDocumentsOfTheirOwn(t *testing.T) {
	long := strings.Repeat("a", 70) + ".json"
	paths := []string{"Pets.openapi.yaml", "api.v1.yaml", "api.v2.yml", "a/openapi.json", "b/openapi.json", "shop_swagger.swagger.json", "..yaml", long, "b/" + long}
	files := map[string]string{}
	for _, path := range paths {
		files[path] = pets
	}
	folder(t, files)
	result := load(t, paths...)
	if result.Snapshot == nil {
		t.Fatal(lines(result.Diagnostics))
	}
	var got []string
	for i, m := range result.Snapshot.Domains[0].Mappings {
		if id := result.Snapshot.APIs[i].ID; id != m.API || id != m.Path {
			t.Errorf("the API %s: a mapping of %s to %s", id, m.Path, m.API)
		}
		got = append(got, m.API)
	}
	want := []string{"pets", "api-v1", "api-v2", "openapi", "openapi-2", "shop-swagger", "api", strings.Repeat("a", 63), strings.Repeat("a", 61) + "-2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDocumentWithoutAPlace holds that a document which no API names is told of as that
// where every host has an API, and is served beside APIs where not.
func TestDocumentWithoutAPlace(t *testing.T) {
	const everyHost = "domains: [{name: '*', mappings: [{stage: pets/v1}]}]\n"
	folder(t, map[string]string{"gatehouse.yaml": oneAPI, "domains.yaml": everyHost, "pets.openapi.yaml": pets, "shared.yaml": "openapi: 3.0.3\npaths: {}\n", "other.yaml": pets})
	want := "shared.yaml:1:1: error unnamed-document: no API has this document as its definition, and the domain \"*\", where it would be served, has others (name it in an API, or leave the file out)\n"
	if got := lines(load(t, "domains.yaml", "gatehouse.yaml", "pets.openapi.yaml", "shared.yaml").Diagnostics); got != want {
		t.Errorf("%swant\n%s", got, want)
	}
	if result := load(t, "gatehouse.yaml", "pets.openapi.yaml", "other.yaml"); result.Snapshot == nil || len(result.Snapshot.APIs) != 2 {
		t.Error(lines(result.Diagnostics))
	}
}

// TestVariableOfDocumentOfItsOwn holds that the stage of a document that was given by its
// name is no place to send people to: no file has it.
func TestVariableOfDocumentOfItsOwn(t *testing.T) {
	document := strings.ReplaceAll(pets, "127.0.0.1:9101", "${stageVariables.backend}")
	folder(t, map[string]string{"pets.openapi.yaml": document, "gatehouse.yaml": oneAPI})
	for path, want := range map[string]string{
		"pets.openapi.yaml": "('gatehouse import' makes a gatehouse.yaml that has it, with --variable NAME=VALUE)\n",
		"gatehouse.yaml":    "(add it to the variables of stage v1)\n",
	} {
		if got := lines(load(t, path).Diagnostics); strings.Count(got, "\n") != 1 || !strings.Contains(got, "error unset-stage-variable: ") || !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestCloudFormationTemplate holds that a template is told by one error from a definition
// with keys that nobody knows.
func TestCloudFormationTemplate(t *testing.T) {
	want := "template.yaml:1:1: error cloudformation-template: this is a template of CloudFormation, whose functions and references work only there, not a definition (export the deployed API, and serve that)\n"
	for name, template := range map[string]string{
		"SAM": "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\nResources: {Api: {Type: AWS::Serverless::Api}}\n",
		"CDK": `{"Resources": {"Api": {"Type": "AWS::ApiGateway::RestApi"}}, "Parameters": {}}`,
	} {
		folder(t, map[string]string{"template.yaml": template})
		if got := lines(load(t, "template.yaml").Diagnostics); got != want {
			t.Errorf("%s: %swant %s", name, got, want)
		}
	}
}

// TestKindTellsNothingTwice holds that looking for the kind of a document does not tell
// what is wrong with it, which parsing does.
func TestKindTellsNothingTwice(t *testing.T) {
	folder(t, map[string]string{"pets.yaml": "openapi: 3.0.1\ninfo: {title: pets, version: '1'}\npaths: {/pets: 7, /a: {get: {responses: {}, responses: {}, x-amazon-apigateway-integration: {type: mock}}}}\n"})
	want := "pets.yaml:3:16: error wrong-type: paths[\"/pets\"] must be an object, not the number 7\n" +
		"pets.yaml:3:45: error duplicate-key: the key \"responses\" stands twice; first at line 3\n"
	if got := lines(load(t, "pets.yaml").Diagnostics); got != want {
		t.Errorf("%swant\n%s", got, want)
	}
}
