package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/gobwas/ws"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/internal/lambdatest"
	"gatehouse/internal/pytools"
	"gatehouse/internal/wire"
)

// A chatBackend is the function of an authorizer, a Lambda function, and an HTTP backend.
type chatBackend struct {
	*httptest.Server
	mu     sync.Mutex
	events []map[string]any
}

func newChatBackend(t *testing.T) *chatBackend {
	t.Helper()
	b := &chatBackend{}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *chatBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/http" {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"connection":%q,"client":%q,"body":%s}`, r.Header.Get("X-Connection"), r.Header.Get("X-Client"), body)
		return
	}
	var event map[string]any
	if json.Unmarshal(body, &event) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.events = append(b.events, event)
	b.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	about := event["requestContext"].(map[string]any)
	if r.URL.Path == "/authorize" {
		effect := "Deny"
		token, _ := event["queryStringParameters"].(map[string]any)["token"].(string)
		if strings.HasPrefix(token, "good") {
			effect = "Allow"
		}
		fmt.Fprintf(w, `{"principalId":"user-%s","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":%q,"Resource":%q}]},"context":{"told":%q}}`,
			token, effect, event["methodArn"], about["connectionId"])
		return
	}
	text, _ := json.Marshal(event)
	result := map[string]any{"statusCode": 200, "body": string(text)}
	headers, _ := event["headers"].(map[string]any)
	if offered, ok := headers["Sec-WebSocket-Protocol"].(string); ok && about["eventType"] == "CONNECT" {
		list := strings.Split(offered, ", ")
		result["headers"] = map[string]string{"Sec-WebSocket-Protocol": list[len(list)-1]}
	}
	answer, _ := json.Marshal(result)
	w.Write(answer)
}

func (b *chatBackend) of(kind string) (out []map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if c := e["requestContext"].(map[string]any); c["eventType"] == kind && e["type"] == nil {
			out = append(out, e)
		}
	}
	return out
}

const chatDefinition = `
functions:
  - {name: authorize, url: "BACKEND/authorize"}
  - {name: hear, url: "BACKEND/hear"}
apis:
  - name: chat
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    authorizers: [{name: tokens, uri: authorize, identitySource: [route.request.querystring.token]}]
    routes:
      $connect: {authorizationType: CUSTOM, authorizer: tokens, integration: {type: AWS_PROXY, uri: hear}}
      $disconnect: {integration: {type: AWS_PROXY, uri: hear}}
      $default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}
      http:
        routeResponseSelectionExpression: $default
        integration:
          type: HTTP_PROXY
          uri: BACKEND/http
          requestParameters: {integration.request.header.X-Connection: context.connectionId, integration.request.header.X-Client: context.identity.sourceIp}
    stages:
      - {name: v1}
  - name: keyed
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes: {$connect: {apiKeyRequired: true}, $default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}}
    stages:
      - {name: v1, idleTimeout: 1s}
  - name: signed
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes: {$connect: {authorizationType: AWS_IAM, integration: {type: AWS_PROXY, uri: hear}}, $default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}}
    stages:
      - {name: v1, routes: {$connect: {throttle: {rate: 0.0001, burst: 3}}}}
apiKeys: [{name: acme, value: acme-0123456789-acme-0123456789}]
usagePlans: [{name: gold, keys: [acme], stages: [keyed/v1]}]
domains: [{name: ws.example.com, mappings: [{stage: keyed/v1}]}]
credentials:
  - accessKeyId: AKIDPUSHER
    secretAccessKey: secret-of-the-pusher
    arn: arn:aws:iam::000000000000:user/backend
    policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "execute-api:ManageConnections", Resource: "arn:aws:execute-api:*:*:chat/v1/*/@connections/*"}]}]
  - accessKeyId: AKIDCALLER
    secretAccessKey: secret-of-a-caller
    arn: arn:aws:iam::000000000000:user/caller
    policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "execute-api:Invoke", Resource: "*"}]}]
`

// loadText loads a definition as users write it, without its listeners.
func loadText(t *testing.T, text string) *gateway.Snapshot {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	result := definition.NewLoader(definition.Options{}).Load(t.Context(), []string{file})
	if result.Snapshot == nil {
		t.Fatal(result.Diagnostics)
	}
	for i := range result.Snapshot.Gateways {
		result.Snapshot.Gateways[i].Listeners = nil
	}
	return result.Snapshot
}

// handshake asks to connect, and gives the answer with what follows it.
func (g *running) handshake(host, target string, headers ...string) (net.Conn, *bufio.Reader, reply) {
	g.t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	var more strings.Builder
	for i := 0; i+1 < len(headers); i += 2 {
		more.WriteString(headers[i] + ": " + headers[i+1] + "\r\n")
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", target, host, &more)
	in := bufio.NewReader(c)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r := reply{Response: response}
	if response.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(response.Body)
		if err != nil {
			g.t.Fatal(err)
		}
		r.body = string(body)
	}
	return c, in, r
}

// say sends a text and gives what comes back: the text, or the code of the end.
func say(t *testing.T, c net.Conn, in *bufio.Reader, text string) (string, ws.StatusCode) {
	t.Helper()
	if text != "" {
		if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewTextFrame([]byte(text)))); err != nil {
			t.Fatal(err)
		}
	}
	//lint:ignore SA1019 the peer is our own gateway
	f, err := ws.ReadFrame(in)
	if err != nil {
		t.Fatal(err)
	}
	if f.Header.OpCode == ws.OpClose {
		code, _ := ws.ParseCloseFrameData(f.Payload)
		return "", code
	}
	return string(f.Payload), 0
}

// TestWebSocketAPIs connects through Envoy, in every way there is to be let in or not.
func TestWebSocketAPIs(t *testing.T) {
	backend := newChatBackend(t)
	s := loadText(t, strings.ReplaceAll(chatDefinition, "BACKEND", backend.URL))
	g := start(t, s)
	const chat, keyed, signed = "chat.execute-api.localhost", "keyed.execute-api.localhost", "signed.execute-api.localhost"

	for name, c := range map[string]struct {
		host, target string
		headers      []string
		status       int
		body         string
	}{
		"no token":           {chat, "/v1", nil, 401, `{"message":"Unauthorized"}`},
		"bad token":          {chat, "/v1?token=bad", nil, 403, `{"Message":"User is not authorized to access this resource with an explicit deny"}`},
		"no such stage":      {chat, "/v2?token=good", nil, 403, `{"message":"Forbidden"}`},
		"below the stage":    {chat, "/v1/x?token=good", nil, 403, `{"message":"Forbidden"}`},
		"no key":             {keyed, "/v1", nil, 403, `{"message":"Forbidden"}`},
		"a wrong key":        {keyed, "/v1", []string{"x-api-key", "wrong"}, 403, `{"message":"Forbidden"}`},
		"made up key":        {keyed, "/v1", []string{"x-gw-key", "|gold|:acme"}, 403, `{"message":"Forbidden"}`},
		"unsigned":           {signed, "/v1", nil, 403, `{"message":"Missing Authentication Token"}`},
		"no domain":          {"other.example.com", "/", nil, 403, `{"message":"Forbidden"}`},
		"good token":         {chat, "/v1?token=good", nil, 101, ""},
		"a slash at the end": {chat, "/v1/?token=good", nil, 101, ""},
		"a good key":         {keyed, "/v1", []string{"x-api-key", "acme-0123456789-acme-0123456789"}, 101, ""},
		"by a domain":        {"ws.example.com", "/", []string{"x-api-key", "acme-0123456789-acme-0123456789"}, 101, ""},
		"by the path form":   {"localhost", "/_aws/execute-api/chat/v1?token=good", nil, 101, ""},
	} {
		_, _, r := g.handshake(c.host, c.target, c.headers...)
		if r.StatusCode != c.status || c.body != "" && r.body != c.body {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
		// Where nobody can connect, Envoy refuses before it has a route.
		nowhere := name == "no such stage" || name == "below the stage" || name == "no domain"
		if ids := r.Header.Values("X-Amzn-Requestid"); len(ids) != 1 && !nowhere {
			t.Errorf("%s: ids %v", name, ids)
		}
	}
	if r := g.request("GET", chat, "/v1?token=good", ""); r.StatusCode != 426 {
		t.Errorf("no handshake: %d %s", r.StatusCode, r.body)
	}

	if _, _, r := g.handshake(chat, "/v1?token=good", "Sec-WebSocket-Protocol", "one, two"); r.Header.Get("Sec-WebSocket-Protocol") != "two" {
		t.Errorf("the protocol is %q", r.Header.Get("Sec-WebSocket-Protocol"))
	}
	c, in, r := g.handshake(chat, "/v1?token=good7&x=1", "User-Agent", "test/1", "x-gw-authorizer", `{"principalId":"forged"}`, "X-Custom", "1")
	if r.StatusCode != 101 {
		t.Fatal(r.StatusCode)
	}
	connects := backend.of("CONNECT")
	event := connects[len(connects)-1]
	about := event["requestContext"].(map[string]any)
	id := about["connectionId"].(string)
	authorizer := about["authorizer"].(map[string]any)
	if authorizer["principalId"] != "user-good7" || authorizer["told"] != id {
		t.Errorf("the authorizer's context is %v, and the connection %s", authorizer, id)
	}
	if about["domainName"] != chat || about["requestId"] != r.Header.Get("X-Amzn-Requestid") || mustJSON(about["identity"]) != `{"sourceIp":"127.0.0.1","userAgent":"test/1"}` {
		t.Errorf("$connect: %v", about)
	}
	headers := event["headers"].(map[string]any)
	if headers["Sec-WebSocket-Key"] != "AAAAAAAAAAAAAAAAAAAAAA==" || headers["X-Forwarded-For"] != "127.0.0.1" || headers["X-Forwarded-Proto"] != "http" || headers["x-custom"] != "1" {
		t.Errorf("headers: %v", headers)
	}
	for name := range headers {
		if strings.HasPrefix(strings.ToLower(name), "x-gw") || strings.HasPrefix(strings.ToLower(name), "x-envoy") {
			t.Errorf("the header %s", name)
		}
	}
	text, _ := say(t, c, in, "hello")
	about = decode(t, text)["requestContext"].(map[string]any)
	if about["connectionId"] != id || about["routeKey"] != "$default" || about["authorizer"].(map[string]any)["told"] != id {
		t.Errorf("a message: %s", text)
	}
	if text, _ := say(t, c, in, `{"action": "http"}`); text != fmt.Sprintf(`{"connection":%q,"client":"127.0.0.1","body":{"action": "http"}}`, id) {
		t.Errorf("by HTTP: %s", text)
	}
	// A new definition leaves the connection as it is, and holds for its next message.
	next := strings.Replace(chatDefinition, "      http:\n", "      other:\n", 1)
	g.change(loadText(t, strings.ReplaceAll(next, "BACKEND", backend.URL)))
	if text, _ := say(t, c, in, `{"action": "http"}`); decode(t, text)["requestContext"].(map[string]any)["routeKey"] != "$default" {
		t.Errorf("after a change: %s", text)
	}
	c.Close()
	for range 1000 {
		if gone := backend.of("DISCONNECT"); len(gone) > 0 {
			for _, e := range gone {
				if about := e["requestContext"].(map[string]any); about["connectionId"] == id && about["disconnectStatusCode"] != 1006.0 {
					t.Errorf("$disconnect: %v", about)
				}
			}
			break
		}
		time.Sleep(10 * time.Millisecond)
	}

	// By a signature, three times and not a fourth.
	for n := range 4 {
		req, err := http.NewRequest("GET", "http://"+signed+"/v1", nil)
		if err != nil {
			t.Fatal(err)
		}
		sign(t, req, aws.Credentials{AccessKeyID: "AKIDCALLER", SecretAccessKey: "secret-of-a-caller"})
		var list []string
		for _, name := range []string{"Authorization", "X-Amz-Date"} {
			list = append(list, name, req.Header.Get(name))
		}
		target := "/v1"
		if n == 1 {
			// As browsers do, which cannot send headers with a handshake.
			list, target = nil, presigned(t, aws.Credentials{AccessKeyID: "AKIDCALLER", SecretAccessKey: "secret-of-a-caller"}, "GET", signed, "/v1?x=7", time.Now())
		}
		c, in, r := g.handshake(signed, target, list...)
		switch {
		case n == 3 && (r.StatusCode != 429 || !strings.Contains(r.body, "Too Many Requests")):
			t.Errorf("one too many: %d %s", r.StatusCode, r.body)
		case n < 3 && r.StatusCode != 101:
			t.Errorf("signed: %d %s", r.StatusCode, r.body)
		case n == 1:
			all := backend.of("CONNECT")
			if query := mustJSON(all[len(all)-1]["queryStringParameters"]); query != `{"x":"7"}` {
				t.Errorf("signed in the query: $connect has the query %s", query)
			}
		case n == 0:
			text, _ := say(t, c, in, "who am I")
			if who := decode(t, text)["requestContext"].(map[string]any)["identity"].(map[string]any); who["userArn"] != "arn:aws:iam::000000000000:user/caller" || who["accessKey"] != "AKIDCALLER" {
				t.Errorf("signed by %v", who)
			}
		}
	}

	// Frames and times are bounded through Envoy as well.
	c, in, _ = g.handshake(keyed, "/v1", "x-api-key", "acme-0123456789-acme-0123456789")
	if text, code := say(t, c, in, strings.Repeat("x", 32<<10+1)); code != 1009 {
		t.Errorf("a large frame: %s %d", text, code)
	}
	c, in, _ = g.handshake(keyed, "/v1", "x-api-key", "acme-0123456789-acme-0123456789")
	text, _ = say(t, c, in, "whose key")
	if who := decode(t, text)["requestContext"].(map[string]any)["identity"].(map[string]any); who["apiKeyId"] != "acme" {
		t.Errorf("the key: %v", who)
	}
	if text, code := say(t, c, in, ""); code != 1001 {
		t.Errorf("idle: %s %d", text, code)
	}
}

const chatClient = `
import json, socket, sys
import boto3, botocore.exceptions, websockets.exceptions
from botocore.config import Config
from websockets.sync.client import connect

port = int(sys.argv[1])

def dial(query):
    sock = socket.create_connection(("127.0.0.1", port))
    return connect("ws://chat.execute-api.localhost:%d/v1%s" % (port, query), sock=sock, open_timeout=30)

def management(key, secret, where="_aws/execute-api/chat/v1"):
    return boto3.client("apigatewaymanagementapi", endpoint_url="http://127.0.0.1:%d/%s" % (port, where), region_name="us-east-1",
        aws_access_key_id=key, aws_secret_access_key=secret, config=Config(retries={"max_attempts": 1}))

def refused(call):
    try:
        call()
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
    return "not refused"

try:
    dial("")
    raise SystemExit("connected without a token")
except websockets.exceptions.InvalidStatus as e:
    assert e.response.status_code == 401, e.response

backend = management("AKIDPUSHER", "secret-of-the-pusher")
with dial("?token=good") as ws:
    ws.send(json.dumps({"action": "whoami"}))
    event = json.loads(ws.recv(timeout=30))
    me = event["requestContext"]["connectionId"]
    ws.ping().wait(30)
    backend.post_to_connection(ConnectionId=me, Data=b"pushed")
    assert ws.recv(timeout=30) == "pushed"
    long = "x" * (128 * 1024)
    backend.post_to_connection(ConnectionId=me, Data=long.encode())
    assert ws.recv(timeout=30) == long
    ws.send(["in ", "several ", "frames"])
    assert json.loads(ws.recv(timeout=30))["body"] == "in several frames"
    about = backend.get_connection(ConnectionId=me)
    assert about["Identity"]["SourceIp"] == "127.0.0.1" and about["ConnectedAt"] <= about["LastActiveAt"], about
    got = refused(lambda: backend.post_to_connection(ConnectionId=me, Data=(long + "x").encode()))
    assert got == ("PayloadTooLargeException", 413), got
    got = refused(lambda: management("AKIDCALLER", "secret-of-a-caller").post_to_connection(ConnectionId=me, Data=b"x"))
    assert got[1] == 403, got
    got = refused(lambda: management("AKIDPUSHER", "wrong").post_to_connection(ConnectionId=me, Data=b"x"))
    assert got[1] == 403, got
    got = refused(lambda: management("AKIDPUSHER", "secret-of-the-pusher", "_aws/execute-api/keyed/v1").post_to_connection(ConnectionId=me, Data=b"x"))
    assert got[1] == 403, got
    backend.delete_connection(ConnectionId=me)
    try:
        ws.recv(timeout=30)
        raise SystemExit("not closed")
    except websockets.exceptions.ConnectionClosed as e:
        assert e.rcvd.code == 1000, e
got = refused(lambda: backend.post_to_connection(ConnectionId=me, Data=b"x"))
assert got == ("GoneException", 410), got
got = refused(lambda: backend.get_connection(ConnectionId="nothing"))
assert got[1] == 400, got
print("done")
`

// TestWebSocketClients has Python's WebSocket client and AWS's own client of @connections
// talk to each other.
func TestWebSocketClients(t *testing.T) {
	backend := newChatBackend(t)
	g := start(t, loadText(t, strings.ReplaceAll(chatDefinition, "BACKEND", backend.URL)))
	script := filepath.Join(t.TempDir(), "chat.py")
	if err := os.WriteFile(script, []byte(chatClient), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := pytools.Command(t, nil, script, fmt.Sprint(g.port)).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// sign signs a request without a body as Amazon's SDK does.
func sign(t *testing.T, r *http.Request, key aws.Credentials) {
	t.Helper()
	const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, nothing, "execute-api", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
}

const socketFunction = `
import json
def handler(event, context):
    about = event["requestContext"]
    if about["eventType"] == "CONNECT":
        return {"statusCode": 200 if event["queryStringParameters"]["room"] == "blue" else 403}
    if about["eventType"] == "MESSAGE":
        if json.loads(event["body"])["action"] == "fail":
            raise ValueError("no")
        return {"statusCode": 200, "body": json.dumps([about["routeKey"], about["connectionId"], json.loads(event["body"])["n"] * 2])}
`

// TestWebSocketFunctions calls a function in AWS's own runtime.
func TestWebSocketFunctions(t *testing.T) {
	functions := lambdatest.New(t)
	functions.Python("socket", socketFunction)
	g := start(t, loadText(t, fmt.Sprintf(`
functions: [{name: socket, endpoint: %q}]
apis:
  - name: fns
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect: {integration: &function {type: AWS_PROXY, uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:socket/invocations"}}
      double: {integration: *function, routeResponseSelectionExpression: $default}
      fail: {integration: *function}
    stages: [{name: v1}]
`, functions.URL)))
	if _, _, r := g.handshake("fns.execute-api.localhost", "/v1?room=red"); r.StatusCode != 403 {
		t.Errorf("the red room: %d %s", r.StatusCode, r.body)
	}
	c, in, r := g.handshake("fns.execute-api.localhost", "/v1?room=blue")
	if r.StatusCode != 101 {
		t.Fatalf("the blue room: %d %s", r.StatusCode, r.body)
	}
	id := wire.ConnectionID(r.Header.Get("X-Amzn-Requestid"))
	if text, _ := say(t, c, in, `{"action": "double", "n": 21}`); text != fmt.Sprintf(`["double", %q, 42]`, id) {
		t.Errorf("doubled: %s", text)
	}
	if text, _ := say(t, c, in, `{"action": "fail"}`); !strings.HasPrefix(text, fmt.Sprintf(`{"message":"Internal server error","connectionId":%q,"requestId":"`, id)) {
		t.Errorf("a function that fails: %s", text)
	}
}

// TestWebSocketQuota holds that connections count for the quota of their key, which Envoy
// keeps by itself as it does of REST APIs, and for its usage, with a quota or without; and
// that a throttle that Envoys share holds them, too.
func TestWebSocketQuota(t *testing.T) {
	t.Parallel()
	backend := newChatBackend(t)
	g := start(t, loadText(t, strings.ReplaceAll(`
functions: [{name: hear, url: "BACKEND/hear"}]
apis:
  - name: keyed
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes: {$connect: {apiKeyRequired: true}, $default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}}
    stages: [{name: v1}]
apiKeys:
  - {name: acme, value: acme-0123456789-acme-0123456789}
  - {name: bolt, value: bolt-0123456789-bolt-0123456789}
  - {name: free, value: free-0123456789-free-0123456789}
usagePlans:
  - {name: gold, keys: [acme], stages: [keyed/v1], quota: {limit: 3, period: MONTH}}
  - {name: slow, keys: [bolt], stages: [keyed/v1], throttle: {rate: 0.0001, burst: 3, scope: shared}}
  - {name: free, keys: [free], stages: [keyed/v1]}
`, "BACKEND", backend.URL)))
	connect := func(key string) (net.Conn, *bufio.Reader, reply) {
		return g.handshake("keyed.execute-api.localhost", "/v1", "x-api-key", key+"-0123456789-"+key+"-0123456789")
	}
	for _, key := range []string{"acme", "bolt", "free"} {
		if c, in, r := connect(key); r.StatusCode != 101 {
			t.Fatalf("%s: %d %s", key, r.StatusCode, r.body)
		} else if text, _ := say(t, c, in, "hello"); text == "" {
			t.Errorf("%s is not answered", key)
		}
	}
	time.Sleep(assigned)
	for range 2 {
		for _, key := range []string{"acme", "bolt", "free"} {
			if _, _, r := connect(key); r.StatusCode != 101 {
				t.Errorf("%s: %d %s", key, r.StatusCode, r.body)
			}
		}
	}
	for key, want := range map[string][2]string{
		"acme": {`{"message":"Limit Exceeded"}`, "LimitExceededException"},
		"bolt": {`{"message":"Too Many Requests"}`, "TooManyRequestsException"},
	} {
		if _, _, r := connect(key); r.StatusCode != 429 || r.body != want[0] || r.Header.Get("x-amzn-errortype") != want[1] {
			t.Errorf("%s: %d %s %v", key, r.StatusCode, r.body, r.Header)
		}
	}
	time.Sleep(reportedWithin)
	used := usageOf(t, g)
	for key, want := range map[string][2]int64{"acme": {3, 1}, "bolt": {3, 0}, "free": {3, 0}} {
		if used[key] != want {
			t.Errorf("%s used %v, want %v", key, used[key], want)
		}
	}
}
