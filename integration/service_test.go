package integration_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
	"gatehouse/integration"
)

// amazonServer stands for all services of AWS. It takes requests only whose signatures are
// good, and remembers the last one.
type amazonServer struct {
	*httptest.Server
	mu     sync.Mutex
	asked  *http.Request
	body   string
	signed string // the region and the service that it was signed for
	count  int
	answer http.HandlerFunc
}

// answers has it answer so from now on.
func (a *amazonServer) answers(with http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = with
}

// calls is how often it was called.
func (a *amazonServer) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count
}

var signedScope = regexp.MustCompile(`Credential=([A-Z]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/`)

func newAmazon(t testing.TB) *amazonServer {
	t.Helper()
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/credentials")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDOWN")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
	t.Setenv("AWS_REGION", "eu-central-1")
	a := &amazonServer{answer: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true}`) }}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		scope := signedScope.FindStringSubmatch(r.Header.Get("Authorization"))
		if scope == nil {
			t.Errorf("%s is not signed: %v", r.RequestURI, r.Header)
			return
		}
		verify(t, r, body, scope[3])
		if scope[3] == "sts" {
			fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-session</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		a.mu.Lock()
		a.asked, a.body, a.signed = r, string(body), scope[1]+" "+scope[2]+" "+scope[3]
		a.count++
		answer := a.answer
		a.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(a.Close)
	t.Setenv("AWS_ENDPOINT_URL", a.URL)
	return a
}

// verify holds a signature to what our own APIs ask of their callers.
func verify(t testing.TB, r *http.Request, body []byte, service string) {
	t.Helper()
	keys := map[string]*sigv4.Credential{"AKIDOWN": {Secret: "own-secret"}, "ASIAROLE": {Secret: "role-secret", SessionToken: "role-session"}}
	v, err := sigv4.New(sigv4.Options{Service: service, Lookup: func(_ context.Context, id string) (*sigv4.Credential, error) { return keys[id], nil }})
	if err != nil {
		t.Error(err)
		return
	}
	request := sigv4.FromHTTP(r)
	request.Body = sigv4.BodyBytes(body)
	if service == "s3" {
		// S3 signs paths as they are, all others encode them once more.
		request.Path, _ = url.PathUnescape(request.Path)
		if r.Header.Get("X-Amz-Content-Sha256") == "" {
			t.Error("S3 is not told the hash of the body")
		}
	}
	if _, err := v.Verify(t.Context(), &request, time.Now()); err != nil {
		t.Errorf("%s %s: %v", r.Method, r.RequestURI, err)
	}
}

func (a *amazonServer) last(t *testing.T) (*http.Request, string, string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked == nil {
		t.Fatal("no service was called")
	}
	return a.asked, a.body, a.signed
}

// serviceRoute calls a service of AWS by templates.
func serviceRoute(method, path, service string, change ...func(*gateway.Integration)) gateway.Route {
	return customRoute(method, path, append([]func(*gateway.Integration){func(in *gateway.Integration) {
		in.URI = "arn:aws:apigateway:eu-west-1:" + service
	}}, change...)...)
}

func withMethod(method string) func(*gateway.Integration) {
	return func(in *gateway.Integration) { in.HTTPMethod = method }
}

// TestServiceRequest: what services get for their URIs.
// See https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html (uri).
func TestServiceRequest(t *testing.T) {
	form := requestMaps("integration.request.header.Content-Type", "'application/x-www-form-urlencoded'")
	for name, c := range map[string]struct {
		route   gateway.Route
		target  string // what the client asks for; /x, unless set
		headers []string
		want    string // method, host and target of the service's request
		body    string
		signed  string
		header  map[string]string
	}{
		"JSON by action": {
			route: serviceRoute("POST", "/x", "dynamodb:action/PutItem", requestTemplate("application/json", `{"TableName":"t","Item":{"id":{"S":"$input.path('$.id')"}}}`)),
			want:  "POST / Action=PutItem", body: `{"TableName":"t","Item":{"id":{"S":"7"}}}`, signed: "eu-west-1 dynamodb",
			header: map[string]string{"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0", "Accept": "application/json", "User-Agent": "AmazonAPIGateway_a", "X-Amzn-Apigateway-Api-Id": "a", "Cookie": "", "X-Forwarded-For": "", "X-Gw-Route": ""},
		},
		"JSON by action, with headers of its own": {
			route: serviceRoute("POST", "/x", "events:action/PutEvents", requestMaps("integration.request.header.X-Amz-Target", "'AWSEvents.TestEventPattern'", "integration.request.header.Content-Type", "'application/x-amz-json-1.9'")),
			want:  "POST / Action=PutEvents", body: `{"id":"7"}`, signed: "eu-west-1 events",
			header: map[string]string{"X-Amz-Target": "AWSEvents.TestEventPattern", "Content-Type": "application/x-amz-json-1.9"},
		},
		"JSON by path": {
			route: serviceRoute("POST", "/x", "events:path//", requestTemplate("application/json", `#set($context.requestOverride.header.X-Amz-Target = "AWSEvents.PutEvents")#set($context.requestOverride.header.Content-Type = "application/x-amz-json-1.1"){"Entries":[]}`)),
			want:  "POST /", body: `{"Entries":[]}`, signed: "eu-west-1 events", header: map[string]string{"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"},
		},
		"JSON without a body": {
			route: serviceRoute("POST", "/x", "dynamodb:action/ListTables", requestTemplate("application/json", "#set($x = 1)")),
			want:  "POST / Action=ListTables", body: `{}`, signed: "eu-west-1 dynamodb",
		},
		"parameters in the query": {
			route: serviceRoute("POST", "/x", "sns:action/Publish", requestMaps("integration.request.querystring.TopicArn", "'arn:aws:sns:eu-west-1:1:t'", "integration.request.querystring.Message", "method.request.body.id"), requestTemplate("application/json", "#set($x = 1)")),
			want:  "POST / Action=Publish Message=7 TopicArn=arn:aws:sns:eu-west-1:1:t Version=2010-03-31", signed: "eu-west-1 sns", header: map[string]string{"X-Amz-Target": "", "Content-Type": ""},
		},
		"parameters in the URI": {
			route: serviceRoute("GET", "/x/{who}", "sns:action/GetTopicAttributes&TopicArn=arn:{who}&Version=2009", withMethod("GET")), target: "/x/a%20b",
			want: "GET / Action=GetTopicAttributes TopicArn=arn:a b Version=2009", signed: "eu-west-1 sns",
		},
		"a form to a path": {
			route: serviceRoute("POST", "/x", "sqs:path/111122223333/orders", form, requestTemplate("application/json", `Action=SendMessage&MessageBody=$util.urlEncode($input.body)`)),
			want:  "POST /111122223333/orders", body: "Action=SendMessage&MessageBody=%7B%22id%22%3A%227%22%7D", signed: "eu-west-1 sqs",
			header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "X-Amz-Target": ""},
		},
		"an API that still knows the query": {
			route: serviceRoute("GET", "/x", "ssm:action/GetParameter", withMethod("GET"), requestMaps("integration.request.querystring.Name", "'n'")),
			want:  "GET / Action=GetParameter Name=n", signed: "eu-west-1 ssm", header: map[string]string{"X-Amz-Target": ""},
		},
		"an object, encoded once": {
			route:  serviceRoute("GET", "/x/{bucket}/{key+}", "s3:path/{bucket}/{key}", withMethod("GET"), requestMaps("integration.request.header.Range", "method.request.header.range")),
			target: "/x/my-bucket/a%20b/%C3%BC+'()%2Fx", headers: []string{"Range", "bytes=0-1"},
			want: "GET /my-bucket/a%20b/%C3%BC%2B%27%28%29/x", signed: "eu-west-1 s3", header: map[string]string{"Range": "bytes=0-1", "Accept-Encoding": "", "Content-Type": ""},
		},
		"an object that is put": {
			route: serviceRoute("PUT", "/x/{key}", "s3:path/bucket/{name}", withMethod("PUT"), requestMaps("integration.request.path.name", "method.request.path.key", "integration.request.header.Host", "'elsewhere'")), target: "/x/k",
			headers: []string{"Content-Type", "image/png"}, want: "PUT /bucket/k", body: `{"id":"7"}`, signed: "eu-west-1 s3", header: map[string]string{"Content-Type": "image/png"},
		},
		"a path with a query": {
			route: serviceRoute("GET", "/x", "s3:path/bucket?list-type=2&prefix=a%2Fb", withMethod("GET")),
			want:  "GET /bucket list-type=2 prefix=a/b", signed: "eu-west-1 s3",
		},
		"a name with a dot": {
			route: serviceRoute("POST", "/x", "runtime.sagemaker:path//endpoints/e/invocations"),
			want:  "POST /endpoints/e/invocations", body: `{"id":"7"}`, signed: "eu-west-1 sagemaker",
		},
		"a name for signatures of its own": {
			route: serviceRoute("POST", "/x", "email:action/SendEmail", requestTemplate("application/json", "#set($x = 1)")),
			want:  "POST / Action=SendEmail Version=2010-12-01", signed: "eu-west-1 ses",
		},
		"a subdomain": {
			route: serviceRoute("POST", "/x", "abcd.appsync-api:path/graphql"),
			want:  "POST abcd.HOST /graphql", body: `{"id":"7"}`, signed: "eu-west-1 appsync",
		},
		"an action that is waited for": {
			route: serviceRoute("POST", "/x", "states:action/StartSyncExecution"),
			want:  "POST / Action=StartSyncExecution", body: `{"id":"7"}`, signed: "eu-west-1 states", header: map[string]string{"X-Amz-Target": "AWSStepFunctions.StartSyncExecution"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAmazon(t)
			s := serveRoutes(t, c.route)
			if c.target == "" {
				c.target = "/x"
			}
			r := s.ask(c.route.Key(), c.route.Method, "/v1"+c.target, `{"id":"7"}`, append(c.headers, "Cookie", "c=1")...)
			if r.StatusCode != 200 || r.body != `{"ok":true}` {
				t.Fatalf("%d %s\n%s", r.StatusCode, r.body, s.log)
			}
			asked, body, signed := a.last(t)
			got := asked.Method
			if host := strings.ReplaceAll(asked.Host, strings.TrimPrefix(a.URL, "http://"), "HOST"); host != "HOST" {
				got += " " + host
			}
			path, _, _ := strings.Cut(asked.RequestURI, "?")
			got += " " + path
			query := asked.URL.Query()
			for _, name := range strings.Fields(strings.NewReplacer("&", " ").Replace(asked.URL.RawQuery)) {
				name, _, _ = strings.Cut(name, "=")
				got += " " + name + "=" + query.Get(name)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if body != c.body {
				t.Errorf("the body is %s", body)
			}
			if signed != "AKIDOWN "+c.signed {
				t.Errorf("signed for %s", signed)
			}
			for name, want := range c.header {
				if got := strings.Join(asked.Header.Values(name), "|"); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// TestServiceRole: a service is called as the role that the integration names.
func TestServiceRole(t *testing.T) {
	a := newAmazon(t)
	s := serveRoutes(t, serviceRoute("POST", "/x", "sqs:path/1/q", func(in *gateway.Integration) { in.Credentials = "arn:aws:iam::111122223333:role/${stageVariables.env}" }))
	r := s.ask("POST /x", "POST", "/v1/x", "a")
	if asked, _, signed := a.last(t); r.StatusCode != 200 || signed != "ASIAROLE eu-west-1 sqs" || asked.Header.Get("X-Amz-Security-Token") != "role-session" {
		t.Errorf("%d %s %v", r.StatusCode, signed, asked.Header)
	}
	if strings.Contains(s.log.String(), "secret") || strings.Contains(s.log.String(), "session") {
		t.Error(s.log)
	}
}

// TestServiceResponse: the status of the service's answer chooses the response.
func TestServiceResponse(t *testing.T) {
	a := newAmazon(t)
	s := serveRoutes(t,
		serviceRoute("POST", "/x", "sqs:path/1/q", responses(
			gateway.IntegrationResponse{StatusCode: "202", ResponseTemplates: map[string]string{"application/json": `{"id": $input.json('$.SendMessageResponse.SendMessageResult.MessageId')}`}, ResponseParameters: mappings([]string{"method.response.header.X-Id", "integration.response.header.x-amzn-RequestId"})},
			gateway.IntegrationResponse{SelectionPattern: `4\d\d`, StatusCode: "400", ResponseTemplates: map[string]string{"application/json": `{"why": "$input.path('$.Error.Code')"}`}})),
		serviceRoute("HEAD", "/image", "s3:path/b/k", withMethod("HEAD"), responses(gateway.IntegrationResponse{StatusCode: "200", ResponseParameters: mappings([]string{"method.response.header.X-Size", "integration.response.header.Content-Length"})})),
		serviceRoute("GET", "/image", "s3:path/b/k", withMethod("GET"), responses(gateway.IntegrationResponse{StatusCode: "200", ResponseParameters: mappings([]string{"method.response.header.Content-Type", "integration.response.header.Content-Type"})})))
	accept := "application/json"
	ask := func(route string, answer http.HandlerFunc) response {
		a.answers(answer)
		method, path, _ := strings.Cut(route, " ")
		return s.ask(route, method, "/v1"+path, "", "Accept", accept)
	}
	r := ask("POST /x", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-amzn-RequestId", "sqs-1")
		fmt.Fprint(w, `{"SendMessageResponse":{"SendMessageResult":{"MessageId":"m"}}}`)
	})
	if r.StatusCode != 202 || r.body != `{"id": "m"}` || r.Header.Get("X-Id") != "sqs-1" {
		t.Errorf("%d %s %v", r.StatusCode, r.body, r.Header)
	}
	r = ask("POST /x", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(403)
		fmt.Fprint(w, `{"Error":{"Code":"AccessDenied"}}`)
	})
	if r.StatusCode != 400 || r.body != `{"why": "AccessDenied"}` {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	accept = "image/png"
	r = ask("GET /image", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Write([]byte("\x89PNG\xff"))
	})
	if r.StatusCode != 200 || r.body != "\x89PNG\xff" || r.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%d %q %v", r.StatusCode, r.body, r.Header)
	}
	accept = "text/html"
	r = ask("HEAD /image", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "100000000") })
	if r.StatusCode != 200 || r.Header.Get("X-Size") != "100000000" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	// A redirect is an answer as others are.
	r = ask("GET /image", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if asked, _, _ := a.last(t); r.StatusCode != 200 || asked.RequestURI != "/b/k" {
		t.Errorf("%d, asked for %s", r.StatusCode, asked.RequestURI)
	}
}

// TestServiceTrouble: what clients get when there is no answer.
func TestServiceTrouble(t *testing.T) {
	a := newAmazon(t)
	route := serviceRoute("GET", "/x/{key}", "s3:path/b/{key}", withMethod("GET"))
	s := serveRoutes(t, route, serviceRoute("POST", "/body", "s3:path/b/{key}", requestMaps("integration.request.path.key", "method.request.body.key")))
	ask := func() response { return s.ask("GET /x/{key}", "GET", "/v1/x/k", "") }
	a.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000000")
		w.WriteHeader(200)
	})
	if r := ask(); r.StatusCode != 502 || r.body != `{"message":"Internal server error"}` {
		t.Errorf("too large: %d %s", r.StatusCode, r.body)
	}
	a.answers(func(w http.ResponseWriter, _ *http.Request) {
		for range 11 {
			w.Write(make([]byte, 1<<20))
		}
	})
	if r := ask(); r.StatusCode != 502 {
		t.Errorf("too large, unannounced: %d %s", r.StatusCode, r.body)
	}
	a.answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	broken := ask()
	count := a.calls()
	for _, key := range []string{"..", "x/../../other/k"} {
		if r := s.ask("POST /body", "POST", "/v1/body", `{"key":"`+key+`"}`); r.StatusCode != 400 || a.calls() != count {
			t.Errorf("a path out of the bucket, %s: %d, asked %d times", key, r.StatusCode, a.calls()-count)
		}
	}
	a.Close()
	for name, r := range map[string]response{"broken": broken, "gone": ask()} {
		want := gateway.ResponseDefaults[gateway.IntegrationFailure]
		if r.StatusCode != want.Status || r.body != `{"message":"Internal server error"}` || r.Header.Get("X-Amzn-Errortype") != want.ErrorType {
			t.Errorf("%s: %d %s %v", name, r.StatusCode, r.body, r.Header)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "calling s3: ") || strings.Contains(log, "own-secret") {
		t.Error(log)
	}
	// Without credentials nothing is sent.
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_ENDPOINT_URL", "https://s3.eu-west-1.amazonaws.com")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s = serveRoutes(t, route)
	if r := ask(); r.StatusCode != 500 || !strings.Contains(s.log.String(), "there are no AWS credentials") {
		t.Errorf("%d %s\n%s", r.StatusCode, r.body, s.log)
	}
}

// TestServiceProblems: what is wrong with an integration is told when it is loaded.
func TestServiceProblems(t *testing.T) {
	for _, c := range []struct{ uri, credentials, want string }{
		{"arn:aws:apigateway:eu-west-1:sqs:path/1/q", "arn:aws:iam::*:user/*", `error invalid-credentials: the credentials of POST /x: "arn:aws:iam::*:user/*" is not the ARN of a role`},
		{"arn:aws:apigateway:eu-west-1:sqs", "", "error invalid-uri: POST /x cannot call a service: "},
		{"arn:aws:apigateway:eu-west-1:sqs:1/q", "", "has neither path/ nor action/ behind the service"},
		{"arn:aws:apigateway:EU:sqs:path/1/q", "", "cannot be the name of a region"},
		{"arn:aws:apigateway:eu-west-1:evil.example/:path/1/q", "", "cannot be the name of a service"},
		{"arn:aws:apigateway:eu-west-1:{x}.s3:path/1/q", "", "cannot be the name of a service"},
		{"arn:aws:apigateway:eu-west-1:sqs:action/Send Message", "", `"Send Message" is not the name of an action`},
		{"arn:aws:apigateway:eu-west-1:s3:action/GetObject&Bucket=b", "", "error invalid-uri: S3 has no actions that are called by a name"},
		{"arn:aws:apigateway:eu-west-1:sqz:action/SendMessage", "", "error invalid-uri: sqz is no service whose actions are known"},
		{"arn:aws:apigateway:eu-west-1:sqz:path/x", "", "warning unknown-service: sqz is no service that is known; it is called at sqz.eu-west-1"},
		{"arn:aws:apigateway:eu-west-1:s3:path/b/{key}", "", "error unmapped-uri-parameter: nothing fills {key} of the integration URI"},
		{"arn:aws:apigateway:eu-west-1:s3:path/b/a b", "", "characters that have to be percent-encoded"},
		{"arn:aws:apigateway:eu-west-1:s3:path/b/%zz", "", "is not well encoded"},
		{"arn:aws:apigateway:eu-west-1:s3:path/b/{key", "", "braces that are no {name}"},
		{"arn:aws:apigateway:eu-west-1:s3:path/b?a=1;b=2", "", "the parameters in the URI have characters that have to be percent-encoded"},
		{"arn:aws:apigateway:eu-west-1:sns:action/Publish&a=%zz", "", "the parameters in the URI have characters that have to be percent-encoded"},
		{"arn:aws:apigateway:eu-west-1:sns:action/Publish&a={b", "", "the parameters in the URI have braces that are no {name}"},
		{"arn:aws:apigateway:eu-west-1:${stageVariables.none}:path/b", "", "unset-stage-variable"},
	} {
		route := serviceRoute("POST", "/x", "", func(in *gateway.Integration) {
			in.URI, in.Credentials = c.uri, c.credentials
			in.Source, in.URISource = gateway.Position{File: "api.yaml", Line: 3, Column: 5}, gateway.Position{File: "api.yaml", Line: 4, Column: 12}
		})
		_, found := integration.Compile(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{route}}))
		if text := fmt.Sprint(found); !strings.Contains(text, c.want) || !strings.Contains(text, "api.yaml:") || len(found) != 1 {
			t.Errorf("%s: %s", c.uri, text)
		}
	}
	proxy := lambdaRoute("POST", "/x", func(r *gateway.Route) { r.Integration.URI = "arn:aws:apigateway:eu-west-1:firehose:action/PutRecord" })
	_, found := integration.Compile(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{proxy}}))
	if text := fmt.Sprint(found); !strings.Contains(text, "invalid-uri: POST /x cannot pass requests on to a service as they are") {
		t.Errorf("a proxy: %s", text)
	}
}
