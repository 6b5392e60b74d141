package restapi_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

func TestDomainNames(t *testing.T) {
	a := newAccount(t, nil)
	const arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b"
	got := answer[map[string]any](a, "POST", "/domainnames", `{"domainName":"API.example.com","regionalCertificateArn":"`+arn+`","endpointConfiguration":{"types":["REGIONAL"]},"securityPolicy":"TLS_1_2",
		"mutualTlsAuthentication":{"truststoreUri":"s3://bucket/key.pem"},"tags":{"a":"b"}}`, 201)
	target, _ := got["regionalDomainName"].(string)
	if !regexp.MustCompile(`^d-[a-z0-9]{10}\.execute-api\.eu-west-1\.amazonaws\.com$`).MatchString(target) {
		t.Errorf("the regional name is %s", target)
	}
	if uploaded, _ := got["certificateUploadDate"].(float64); uploaded < 1.7e9 {
		t.Errorf("the certificate was uploaded at %v", got["certificateUploadDate"])
	}
	delete(got, "regionalDomainName")
	delete(got, "certificateUploadDate")
	want := map[string]any{
		"domainName": "api.example.com", "domainNameArn": "arn:aws:apigateway:eu-west-1::/domainnames/api.example.com", "regionalCertificateArn": arn, "regionalHostedZoneId": "ZLY8HYME6SFDD",
		"endpointConfiguration": map[string]any{"types": []any{"REGIONAL"}, "ipAddressType": "ipv4"}, "domainNameStatus": "AVAILABLE", "securityPolicy": "TLS_1_2",
		"mutualTlsAuthentication": map[string]any{"truststoreUri": "s3://bucket/key.pem"}, "routingMode": "BASE_PATH_MAPPING_ONLY", "tags": map[string]any{"a": "b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	edge := answer[restapi.DomainName](a, "POST", "/domainnames", `{"domainName":"edge.example.com"}`, 201)
	if !strings.HasSuffix(edge.DistributionDomainName, ".cloudfront.net") || edge.DistributionHostedZoneID != "Z2FDTNDATAQYW2" || edge.EndpointConfiguration.Types[0] != "EDGE" {
		t.Errorf("got %+v", edge)
	}
	private := answer[restapi.DomainName](a, "POST", "/domainnames", `{"domainName":"private.example.com","endpointConfiguration":{"types":["PRIVATE"]},"policy":"{}"}`, 201)
	if private.DomainNameID == "" || private.DomainNameARN != "arn:aws:apigateway:eu-west-1:000000000000:/domainnames/private.example.com+"+private.DomainNameID || private.EndpointConfiguration.IPAddressType != "dualstack" {
		t.Errorf("got %+v", private)
	}
	a.call("GET", "/domainnames/private.example.com?domainNameId="+private.DomainNameID, "", 200)
	if got := answer[struct{ Item []restapi.DomainName }](a, "GET", "/domainnames", "", 200); len(got.Item) != 3 {
		t.Errorf("listed %+v", got)
	}
	if got := answer[struct{ Item []restapi.DomainName }](a, "GET", "/domainnames?resourceOwner=OTHER_ACCOUNTS", "", 200); len(got.Item) != 0 {
		t.Errorf("listed %+v", got)
	}
	const arn2 = "arn:aws:acm:eu-west-1:123456789012:certificate/0c2d"
	patched := answer[restapi.DomainName](a, "PATCH", "/domainnames/api.example.com", patch(op("replace", "/regionalCertificateArn", arn2), op("replace", "/securityPolicy", "TLS_1_0"),
		op("remove", "/mutualTlsAuthentication/truststoreUri"), op("replace", "/endpointConfiguration/ipAddressType", "dualstack")), 200)
	if patched.RegionalCertificateARN != arn2 || patched.SecurityPolicy != "TLS_1_0" || patched.MutualTLSAuthentication != nil || patched.EndpointConfiguration.IPAddressType != "dualstack" {
		t.Errorf("patched to %+v", patched)
	}
	patched = answer[restapi.DomainName](a, "PATCH", "/domainnames/edge.example.com", patch(op("add", "/endpointConfiguration/types", "REGIONAL"), op("add", "/regionalCertificateArn", arn)), 200)
	if diff := cmp.Diff([]string{"EDGE", "REGIONAL"}, patched.EndpointConfiguration.Types); diff != "" || patched.RegionalDomainName == "" || patched.DistributionDomainName == "" {
		t.Errorf("patched to %+v", patched)
	}
	patched = answer[restapi.DomainName](a, "PATCH", "/domainnames/edge.example.com", patch(op("remove", "/endpointConfiguration/types", "EDGE")), 200)
	if patched.DistributionDomainName != "" || patched.RegionalCertificateARN != arn || patched.CertificateUploadDate.IsZero() {
		t.Errorf("patched to %+v", patched)
	}
	a.refuse(map[string]refusal{
		"none":         {"POST", "/domainnames", `{}`, 400, "BadRequestException", "No Domain Name specified"},
		"taken":        {"POST", "/domainnames", `{"domainName":"api.example.com"}`, 400, "BadRequestException", "The domain name you provided already exists."},
		"any host":     {"POST", "/domainnames", `{"domainName":"*"}`, 400, "BadRequestException", "Invalid domain name specified: *"},
		"an address":   {"POST", "/domainnames", `{"domainName":"127.0.0.1"}`, 400, "BadRequestException", "Invalid domain name specified: 127.0.0.1"},
		"up":           {"POST", "/domainnames", `{"domainName":"../restapis/a1b2c3d4e5"}`, 400, "BadRequestException", "Invalid domain name specified: ../restapis/a1b2c3d4e5"},
		"ARN":          {"POST", "/domainnames", `{"domainName":"x.example.com","certificateArn":"x"}`, 400, "BadRequestException", "Invalid ARN. ARN is not well formed x"},
		"truststore":   {"POST", "/domainnames", `{"domainName":"x.example.com","endpointConfiguration":{"types":["REGIONAL"]},"mutualTlsAuthentication":{"truststoreUri":"/etc/passwd"}}`, 400, "BadRequestException", "Invalid truststore URI specified: '/etc/passwd'. It must be as s3://bucket/key"},
		"half a pair":  {"POST", "/domainnames", `{"domainName":"x.example.com","certificateBody":"x"}`, 400, "BadRequestException", "certificateBody and certificatePrivateKey must be given together"},
		"kind":         {"POST", "/domainnames", `{"domainName":"x.example.com","endpointConfiguration":{"types":["LOCAL"]}}`, 400, "BadRequestException", "1 validation error detected: Value 'LOCAL' at 'endpointConfiguration.types' failed to satisfy constraint: Member must satisfy enum value set: [REGIONAL, EDGE, PRIVATE]"},
		"unknown":      {"GET", "/domainnames/nosuch.example.com", "", 404, "NotFoundException", "Invalid domain name identifier specified"},
		"other id":     {"GET", "/domainnames/private.example.com?domainNameId=x", "", 404, "NotFoundException", "Invalid domain name identifier specified"},
		"last kind":    {"PATCH", "/domainnames/api.example.com", patch(op("remove", "/endpointConfiguration/types", "REGIONAL")), 400, "BadRequestException", "A domain name needs an endpoint type"},
		"no such kind": {"PATCH", "/domainnames/api.example.com", patch(op("replace", "/certificateArn", arn)), 400, "BadRequestException", "Invalid patch path  '/certificateArn' specified for op 'replace'. The domain name has no such endpoint"},
	})
	a.call("DELETE", "/domainnames/api.example.com", "", 202)
	a.call("GET", "/domainnames/api.example.com", "", 404)
	a.call("POST", "/domainnames", `{"domainName":"api.example.com"}`, 201)
}

func TestUploadedCertificate(t *testing.T) {
	a := newAccount(t, nil)
	generated := answer[restapi.ClientCertificate](a, "POST", "/clientcertificates", `{}`, 201)
	var kept struct{ PrivateKey string }
	for key, text := range a.documents() {
		if strings.Contains(key, generated.ClientCertificateID) {
			if err := json.Unmarshal([]byte(text), &kept); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := func(s string) string { encoded, _ := json.Marshal(s); return string(encoded) }
	w := a.call("POST", "/domainnames", `{"domainName":"x.example.com","certificateName":"mine","certificateBody":`+text(generated.PemEncodedCertificate)+`,"certificatePrivateKey":`+text(kept.PrivateKey)+`}`, 201)
	if got := decode[restapi.DomainName](t, w); got.CertificateName != "mine" || got.CertificateUploadDate.IsZero() || strings.Contains(w.Body.String(), "PRIVATE KEY") {
		t.Errorf("got %s", w.Body)
	}
	other := answer[restapi.ClientCertificate](a, "POST", "/clientcertificates", `{}`, 201)
	a.refuse(map[string]refusal{"other key": {
		"POST", "/domainnames", `{"domainName":"y.example.com","certificateBody":` + text(other.PemEncodedCertificate) + `,"certificatePrivateKey":` + text(kept.PrivateKey) + `}`,
		400, "BadRequestException", "The certificate and the private key cannot be used: tls: private key does not match public key",
	}})
}

func TestBasePathMappings(t *testing.T) {
	a := newAccount(t, nil)
	a.call("POST", "/domainnames", `{"domainName":"api.example.com"}`, 201)
	const target = "/domainnames/api.example.com/basepathmappings"
	root := answer[restapi.BasePathMapping](a, "POST", target, `{"restApiId":"a1b2c3d4e5"}`, 201)
	if root != (restapi.BasePathMapping{BasePath: "(none)", RestAPIID: "a1b2c3d4e5"}) {
		t.Errorf("created %+v", root)
	}
	answer[restapi.BasePathMapping](a, "POST", target, `{"basePath":"shop","restApiId":"a1b2c3d4e5","stage":"prod"}`, 201)
	if got := answer[struct{ Item []restapi.BasePathMapping }](a, "GET", target, "", 200); len(got.Item) != 2 {
		t.Errorf("listed %+v", got)
	}
	if got := answer[restapi.BasePathMapping](a, "GET", target+"/(none)", "", 200); got != root {
		t.Errorf("got %+v", got)
	}
	moved := answer[restapi.BasePathMapping](a, "PATCH", target+"/shop", patch(op("replace", "/basePath", "store"), op("replace", "/stage", "test")), 200)
	if moved != (restapi.BasePathMapping{BasePath: "store", RestAPIID: "a1b2c3d4e5", Stage: "test"}) {
		t.Errorf("moved to %+v", moved)
	}
	a.refuse(map[string]refusal{
		"taken":      {"POST", target, `{"basePath":"store","restApiId":"a1b2c3d4e5"}`, 409, "ConflictException", "Base path already exists for this domain name"},
		"taken root": {"PATCH", target + "/store", patch(op("replace", "/basePath", "(none)")), 409, "ConflictException", "Base path already exists for this domain name"},
		"segments":   {"POST", target, `{"basePath":"a/b","restApiId":"a1b2c3d4e5"}`, 400, "BadRequestException", "API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a multi-level base path mapping, use API Gateway V2."},
		"characters": {"POST", target, `{"basePath":"a b","restApiId":"a1b2c3d4e5"}`, 400, "BadRequestException", "Invalid base path specified: 'a b'. It may have letters, numbers and one of $-_.+!*'()"},
		"no API":     {"POST", target, `{"basePath":"x","restApiId":"nosuch"}`, 400, "BadRequestException", "Invalid REST API identifier specified"},
		"API":        {"POST", target, `{"basePath":"x"}`, 400, "BadRequestException", "No Rest API Id specified"},
		"no stage":   {"POST", target, `{"basePath":"x","restApiId":"a1b2c3d4e5","stage":"beta"}`, 400, "BadRequestException", "Invalid stage identifier specified"},
		"no domain":  {"POST", "/domainnames/other.example.com/basepathmappings", `{"restApiId":"a1b2c3d4e5"}`, 404, "NotFoundException", "Invalid domain name identifier specified"},
		"no mapping": {"GET", target + "/shop", "", 404, "NotFoundException", "Invalid base path mapping identifier specified"},
		"patch path": {"PATCH", target + "/store", patch(op("replace", "/domainName", "x")), 400, "BadRequestException", "Invalid patch path  '/domainName' specified for op 'replace'. Must be one of: [/basePath, /restapiId, /stage]"},
	})
	a.call("DELETE", target+"/store", "", 202)
	a.call("DELETE", target+"/store", "", 404)
}

func TestVPCLinks(t *testing.T) {
	a := newAccount(t, nil)
	const arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/orders/0a1b2c3d4e5f6071"
	link := answer[restapi.VPCLink](a, "POST", "/vpclinks", `{"name":"orders","targetArns":["`+arn+`"]}`, 202)
	if len(link.ID) != 6 || link.Status != "AVAILABLE" || link.TargetARNs[0] != arn {
		t.Errorf("created %+v", link)
	}
	if got := answer[restapi.VPCLink](a, "PATCH", "/vpclinks/"+link.ID, patch(op("replace", "/name", "new"), op("replace", "/description", "d")), 200); got.Name != "new" || got.Description != "d" {
		t.Errorf("patched to %+v", got)
	}
	if got := answer[struct{ Item []restapi.VPCLink }](a, "GET", "/vpclinks", "", 200); len(got.Item) != 1 {
		t.Errorf("listed %+v", got)
	}
	a.refuse(map[string]refusal{
		"nothing": {"POST", "/vpclinks", `{}`, 400, "BadRequestException", "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null; A VPC link has one target; 0 are given"},
		"ARN":     {"POST", "/vpclinks", `{"name":"x","targetArns":["y"]}`, 400, "BadRequestException", "Invalid ARN. ARN is not well formed y"},
		"unknown": {"GET", "/vpclinks/nosuch", "", 404, "NotFoundException", "Invalid Vpc Link identifier specified"},
	})
	// What a stage is served by stays, also where the stage's variable names it.
	created := answer[restapi.RestAPI](a, "POST", "/restapis", `{"name":"linked"}`, 201)
	api, method := "/restapis/"+created.ID, "/resources/"+created.RootResourceID+"/methods/GET"
	a.call("PUT", api+method, `{"authorizationType":"NONE"}`, 201)
	for _, connection := range []string{link.ID, "${stageVariables.link}"} {
		a.call("PUT", api+method+"/integration",
			`{"type":"HTTP_PROXY","httpMethod":"GET","uri":"http://orders.internal/","connectionType":"VPC_LINK","connectionId":"`+connection+`"}`, 201)
		a.call("POST", api+"/deployments", `{"stageName":"v1","variables":{"link":"`+link.ID+`"}}`, 201)
		a.refuse(map[string]refusal{"in use": {"DELETE", "/vpclinks/" + link.ID, "", 400, "BadRequestException",
			"Cannot delete vpc link. Vpc link '" + link.ID + "', is referenced in [GET:" + created.RootResourceID + ":v1] in format of [Method:Resource:Stage]."}})
	}
	// Links of the other service are not known to this one.
	document := []byte(`{"name":"other","vpcLinkId":"abc123","vpcLinkVersion":"V2"}`)
	err := a.store.Update(t.Context(), func(tx store.Tx) error {
		tx.Put("eu-west-1/vpclinks/abc123", document)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	none := refusal{"GET", "/vpclinks/abc123", "", 404, "NotFoundException", "Invalid Vpc Link identifier specified"}
	patched, deleted := none, none
	patched.method, patched.body, deleted.method = "PATCH", patch(op("replace", "/name", "mine")), "DELETE"
	a.refuse(map[string]refusal{"shown": none, "patched": patched, "deleted": deleted})

	a.call("DELETE", api+"/stages/v1", "", 202)
	a.call("DELETE", "/vpclinks/"+link.ID, "", 202)
	a.call("GET", "/vpclinks/"+link.ID, "", 404)
}

func TestClientCertificates(t *testing.T) {
	a := newAccount(t, nil)
	w := a.call("POST", "/clientcertificates", `{"description":"d","tags":{"a":"b"}}`, 201)
	made := decode[restapi.ClientCertificate](t, w)
	if strings.Contains(w.Body.String(), "PRIVATE") || made.Description != "d" || made.Tags["a"] != "b" {
		t.Errorf("created %s", w.Body)
	}
	block, _ := pem.Decode([]byte(made.PemEncodedCertificate))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !certificate.NotAfter.Equal(made.ExpirationDate.Time) || certificate.NotAfter.Before(time.Now().Add(364*24*time.Hour)) {
		t.Errorf("the certificate expires on %s, which is told as %s", certificate.NotAfter, made.ExpirationDate)
	}
	if err := certificate.CheckSignatureFrom(certificate); err != nil {
		t.Error(err)
	}
	target := "/clientcertificates/" + made.ClientCertificateID
	patched := a.call("PATCH", target, patch(op("replace", "/description", "new")), 200)
	listed := a.call("GET", "/clientcertificates", "", 200)
	shown := a.call("GET", target, "", 200)
	for _, w := range []string{patched.Body.String(), listed.Body.String(), shown.Body.String()} {
		if !strings.Contains(w, `"new"`) || strings.Contains(w, "privateKey") {
			t.Errorf("got %s", w)
		}
	}
	var kept restapi.StoredClientCertificate
	if err := json.Unmarshal([]byte(a.documents()["eu-west-1"+target]), &kept); err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair([]byte(kept.PemEncodedCertificate), []byte(kept.PrivateKey)); err != nil {
		t.Error(err)
	}
	a.refuse(map[string]refusal{
		"unknown": {"GET", "/clientcertificates/nosuch", "", 404, "NotFoundException", "Invalid Client Certificate identifier specified"},
		"path":    {"PATCH", target, patch(op("replace", "/pemEncodedCertificate", "x")), 400, "BadRequestException", "Invalid patch path  '/pemEncodedCertificate' specified for op 'replace'. Must be one of: [/description]"},
	})
	setStage(t, a, `{"stageName":"prod","clientCertificateId":"`+made.ClientCertificateID+`"}`)
	a.refuse(map[string]refusal{"used": {"DELETE", target, "", 400, "BadRequestException", "Client Certificate " + made.ClientCertificateID + " is used by the stage a1b2c3d4e5/prod"}})
	setStage(t, a, `{"stageName":"prod"}`)
	a.call("DELETE", target, "", 202)
}

func TestSDKTypesAndAssociations(t *testing.T) {
	a := newAccount(t, nil)
	var ids []string
	for _, s := range answer[struct{ Item []struct{ ID string } }](a, "GET", "/sdktypes", "", 200).Item {
		ids = append(ids, s.ID)
	}
	if diff := cmp.Diff([]string{"javascript", "android", "objectivec", "swift", "java", "ruby"}, ids); diff != "" {
		t.Error(diff)
	}
	a.call("GET", "/sdktypes/java", "", 200)
	if got := answer[struct{ Item []any }](a, "GET", "/domainnameaccessassociations", "", 200); got.Item == nil || len(got.Item) != 0 {
		t.Errorf("listed %+v", got)
	}
	const association = "arn:aws:apigateway:eu-west-1:000000000000:/domainnameaccessassociations/domainname/x/vpcesource/vpce-1"
	const why = " is not supported by Gatehouse: it has no VPC endpoints that could be given access to a domain name; requests of a VPC endpoint are told by the listener that they come to (sourceVpce), and admitted by resource policies"
	a.refuse(map[string]refusal{
		"type":   {"GET", "/sdktypes/cobol", "", 404, "NotFoundException", "Invalid SDK type specified"},
		"sdk":    {"GET", "/restapis/a1b2c3d4e5/stages/prod/sdks/java", "", 400, "BadRequestException", "GetSdk is not supported by Gatehouse: export the stage as an OpenAPI document (GetExport), and have a generator of clients read that"},
		"delete": {"DELETE", "/domainnameaccessassociations/" + association, "", 400, "BadRequestException", "DeleteDomainNameAccessAssociation" + why},
		"reject": {"POST", "/rejectdomainnameaccessassociations?domainNameAccessAssociationArn=x&domainNameArn=y", "", 400, "BadRequestException", "RejectDomainNameAccessAssociation" + why},
		"create": {"POST", "/domainnameaccessassociations", `{}`, 400, "BadRequestException", "CreateDomainNameAccessAssociation" + why},
	})
}
