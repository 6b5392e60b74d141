package management_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"gatehouse/gateway"
	"gatehouse/management"
	"gatehouse/management/restjson"
)

// echo answers which service was called by whom, and with what.
func echo(service string) http.Handler {
	return restjson.NewService(slog.New(slog.DiscardHandler),
		restjson.Operation{Name: "Echo", Method: "POST", Path: "/{path+}", Status: 200, Do: func(_ context.Context, c *restjson.Call) (any, error) {
			return map[string]string{"service": service, "region": c.Region, "account": c.AccountID, "arn": c.ARN, "body": string(c.Body)}, nil
		}},
		restjson.Operation{Name: "Get", Method: "GET", Path: "/{path+}", Status: 200, Do: func(context.Context, *restjson.Call) (any, error) {
			return nil, nil
		}},
	)
}

const (
	account = "111122223333"
	user    = "arn:aws:iam::" + account + ":user/deployer"
)

func credentials() []gateway.Credential {
	policy := func(text string) []gateway.Policy { return []gateway.Policy{{JSON: text}} }
	return []gateway.Credential{
		{AccessKeyID: "AKIDADMIN", SecretAccessKey: "admin-secret", ARN: user, Policies: policy(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"apigateway:*","Resource":"arn:aws:apigateway:*::/*"},
			{"Effect":"Deny","Action":"apigateway:DELETE","Resource":"arn:aws:apigateway:*::/restapis/production"},
			{"Effect":"Deny","Action":"apigateway:*","Resource":"arn:aws:apigateway:ap-south-1::/*"}]}`)},
		{AccessKeyID: "AKIDREADER", SecretAccessKey: "reader-secret", ARN: user, Policies: policy(`{"Version":"2012-10-17","Statement":
			{"Effect":"Allow","Action":"apigateway:GET","Resource":"arn:aws:apigateway:eu-west-1::/restapis/*"}}`)},
		{AccessKeyID: "AKIDOTHER", SecretAccessKey: "other-secret", ARN: "arn:aws:iam::999900001111:user/other", Policies: policy(`{"Version":"2012-10-17","Statement":
			{"Effect":"Allow","Action":"*","Resource":"*"}}`)},
		{AccessKeyID: "AKIDOLD", SecretAccessKey: "old-secret", ARN: user, Disabled: true},
		{AccessKeyID: "AKIDNONE", SecretAccessKey: "none-secret", ARN: user},
	}
}

func server(t *testing.T, o management.Options) *httptest.Server {
	t.Helper()
	o.REST, o.HTTP, o.AccountID, o.Log = echo("rest"), echo("http"), account, slog.New(slog.DiscardHandler)
	if o.Credentials == nil {
		o.Credentials = credentials
	}
	s := httptest.NewServer(management.New(o))
	t.Cleanup(s.Close)
	return s
}

// signing is how a request is signed.
type signing struct {
	key, secret, region, service string
	at                           time.Time
	body                         string // what is signed, if it isn't what is sent
	declared                     string
}

func (s signing) sign(t *testing.T, r *http.Request, body string) {
	t.Helper()
	if s.body != "" {
		body = s.body
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	if s.declared != "" {
		hash = s.declared
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	service, at := s.service, s.at
	if service == "" {
		service = "apigateway"
	}
	if at.IsZero() {
		at = time.Now()
	}
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret}, r, hash, service, s.region, at)
	if err != nil {
		t.Fatal(err)
	}
}

type answer struct {
	status int
	header http.Header
	body   map[string]string
}

func call(t *testing.T, s *httptest.Server, method, path, body string, change func(*http.Request)) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &a.body); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return a
}

func TestSignedCalls(t *testing.T) {
	s := server(t, management.Options{})
	admin := signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1"}
	for name, c := range map[string]struct {
		method, path  string
		signing       *signing
		status        int
		errorType     string
		message       string // a part of it
		service, body string
	}{
		"REST":             {signing: &admin, status: 200, service: "rest"},
		"HTTP":             {path: "/v2/apis", signing: &admin, status: 200, service: "http"},
		"declared hash":    {signing: &signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1", declared: hashOf(`{"a":1}`)}, status: 200, service: "rest"},
		"not signed":       {status: 403, errorType: "MissingAuthenticationTokenException", message: "Missing Authentication Token"},
		"wrong secret":     {signing: &signing{key: "AKIDADMIN", secret: "admin-sekret", region: "eu-west-1"}, status: 403, errorType: "InvalidSignatureException", message: "does not match"},
		"unknown key":      {signing: &signing{key: "AKIDNOBODY", secret: "x", region: "eu-west-1"}, status: 403, errorType: "UnrecognizedClientException", message: "The security token included in the request is invalid."},
		"disabled key":     {signing: &signing{key: "AKIDOLD", secret: "old-secret", region: "eu-west-1"}, status: 403, errorType: "UnrecognizedClientException"},
		"other service":    {signing: &signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1", service: "execute-api"}, status: 403, errorType: "InvalidSignatureException", message: "correct service: 'apigateway'"},
		"too old":          {signing: &signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1", at: time.Now().Add(-time.Hour)}, status: 403, errorType: "InvalidSignatureException", message: "Signature expired"},
		"other body":       {signing: &signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1", body: "{}"}, status: 403, errorType: "InvalidSignatureException"},
		"unsigned body":    {signing: &signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1", declared: "UNSIGNED-PAYLOAD"}, status: 403, errorType: "InvalidSignatureException", message: "must be signed"},
		"odd region":       {signing: &signing{key: "AKIDADMIN", secret: "admin-secret", region: "..", declared: hashOf(`{"a":1}`)}, status: 403},
		"no policy":        {signing: &signing{key: "AKIDNONE", secret: "none-secret", region: "eu-west-1"}, status: 403, errorType: "AccessDeniedException", message: "is not authorized to perform: apigateway:POST on resource: arn:aws:apigateway:eu-west-1::/restapis because no identity-based policy allows"},
		"read only":        {signing: &signing{key: "AKIDREADER", secret: "reader-secret", region: "eu-west-1"}, status: 403, errorType: "AccessDeniedException"},
		"reads":            {method: "GET", path: "/restapis/a", signing: &signing{key: "AKIDREADER", secret: "reader-secret", region: "eu-west-1"}, status: 200},
		"reads elsewhere":  {method: "GET", path: "/restapis/a", signing: &signing{key: "AKIDREADER", secret: "reader-secret", region: "us-east-1"}, status: 403, errorType: "AccessDeniedException"},
		"denied region":    {signing: &signing{key: "AKIDADMIN", secret: "admin-secret", region: "ap-south-1"}, status: 403, errorType: "AccessDeniedException", message: "with an explicit deny"},
		"denied":           {method: "DELETE", path: "/restapis/production", signing: &admin, status: 403, errorType: "AccessDeniedException", message: "with an explicit deny"},
		"denied, escaped":  {method: "DELETE", path: "/restapis/%70roduction", signing: &admin, status: 403, errorType: "AccessDeniedException", message: "with an explicit deny"},
		"denied, slashes":  {method: "DELETE", path: "/restapis/production/", signing: &admin, status: 403, errorType: "AccessDeniedException", message: "with an explicit deny"},
		"another account":  {signing: &signing{key: "AKIDOTHER", secret: "other-secret", region: "eu-west-1"}, status: 403, errorType: "AccessDeniedException", message: "another account"},
		"no such resource": {method: "PUT", signing: &admin, status: 403, errorType: "MissingAuthenticationTokenException"},
	} {
		t.Run(name, func(t *testing.T) {
			const body = `{"a":1}`
			method, path, sent := c.method, c.path, body
			if method == "" {
				method = "POST"
			}
			if path == "" {
				path = "/restapis"
			}
			if method != "POST" {
				sent = ""
			}
			a := call(t, s, method, path, sent, func(r *http.Request) {
				if c.signing != nil {
					c.signing.sign(t, r, sent)
				}
			})
			if a.status != c.status || c.errorType != "" && a.header.Get("X-Amzn-Errortype") != c.errorType || !strings.Contains(a.body["message"], c.message) {
				t.Errorf("got %d %s %q", a.status, a.header.Get("X-Amzn-Errortype"), a.body)
			}
			if a.header.Get("X-Amzn-Requestid") == "" {
				t.Error("the answer has no request id")
			}
			if c.service == "" {
				return
			}
			if a.body["service"] != c.service || a.body["region"] != "eu-west-1" || a.body["account"] != account || a.body["arn"] != user || a.body["body"] != body {
				t.Errorf("the operation was told %v", a.body)
			}
		})
	}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestRevokedKey(t *testing.T) {
	all := credentials()
	s := server(t, management.Options{Credentials: func() []gateway.Credential { return all }})
	admin := signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1"}
	signed := func(r *http.Request) { admin.sign(t, r, "{}") }
	if a := call(t, s, "POST", "/restapis", "{}", signed); a.status != 200 {
		t.Fatalf("%d %v", a.status, a.body)
	}
	all = all[1:]
	if a := call(t, s, "POST", "/restapis", "{}", signed); a.status != 403 {
		t.Fatalf("after its key has gone: %d %v", a.status, a.body)
	}
}

func TestOpenCalls(t *testing.T) {
	s := server(t, management.Options{Open: true, Loopback: true})
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		region string
	}{
		"unsigned":      {status: 200, region: "us-east-1"},
		"any signature": {func(r *http.Request) { (signing{key: "test", secret: "test", region: "eu-central-1"}).sign(t, r, "{}") }, 200, "eu-central-1"},
		"region in path": {func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/../x/aws4_request, Signature=x")
		}, 200, "us-east-1"},
		"other scheme": {func(r *http.Request) { r.SetBasicAuth("a", "b") }, 200, "us-east-1"},
		"presigned": {func(r *http.Request) {
			r.URL.RawQuery = "X-Amz-Credential=test%2F20260101%2Feu-north-1%2Fapigateway%2Faws4_request"
		}, 200, "eu-north-1"},
		"other name":      {func(r *http.Request) { r.Host = "rebound.example:8001" }, 403, ""},
		"name below":      {func(r *http.Request) { r.Host = "apigateway.localhost:8001" }, 200, "us-east-1"},
		"a web page":      {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, ""},
		"a page of files": {func(r *http.Request) { r.Header.Set("Origin", "null") }, 403, ""},
		"fetch metadata":  {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, ""},
		"own page":        {func(r *http.Request) { r.Header.Set("Origin", "http://"+r.Host) }, 200, "us-east-1"},
	} {
		t.Run(name, func(t *testing.T) {
			a := call(t, s, "POST", "/restapis", "{}", c.change)
			if a.status != c.status || a.body["region"] != c.region {
				t.Errorf("got %d %v", a.status, a.body)
			}
		})
	}
}

func TestLargeBodies(t *testing.T) {
	for _, open := range []bool{true, false} {
		s := server(t, management.Options{Open: open})
		body := string(bytes.Repeat([]byte("x"), restjson.MaxBody+1))
		a := call(t, s, "POST", "/restapis", body, func(r *http.Request) {
			(signing{key: "AKIDADMIN", secret: "admin-secret", region: "eu-west-1"}).sign(t, r, body)
		})
		if a.status != 413 || a.header.Get("X-Amzn-Errortype") != "RequestEntityTooLargeException" {
			t.Errorf("open=%v: got %d %v", open, a.status, a.header)
		}
	}
}
