package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"gatehouse/gateway"
)

// presigned gives the path and query of a URL that Amazon's SDK has signed.
func presigned(t *testing.T, key aws.Credentials, method, host, target string, at time.Time) string {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+host+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	empty := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), key, req, hex.EncodeToString(empty[:]), "execute-api", "us-east-1", at)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(signed, "http://"+host)
}

// TestPresignedURLs asks by URLs that Amazon's SDK has signed, and by what can be made of
// them.
func TestPresignedURLs(t *testing.T) {
	backend := echoBackend(t, "one")
	s := snapshotOf(
		gateway.API{ID: "iam", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, signedRoutes, backend.URL)}}},
		gateway.API{ID: "iamhttp", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, signedHTTPRoutes, backend.URL)}}},
	)
	all := []gateway.Policy{{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}`}}
	s.Credentials = []gateway.Credential{
		{AccessKeyID: "AKIDALLOWED", SecretAccessKey: "secret-of-allowed", ARN: "arn:aws:iam::000000000000:user/ann", Policies: all},
		{AccessKeyID: "ASIDSESSION", SecretAccessKey: "secret-of-session", SessionToken: "the/token+=", ARN: "arn:aws:sts::000000000000:assumed-role/r/s", Policies: all},
	}
	g := start(t, s)
	ann := aws.Credentials{AccessKeyID: "AKIDALLOWED", SecretAccessKey: "secret-of-allowed"}
	session := aws.Credentials{AccessKeyID: "ASIDSESSION", SecretAccessKey: "secret-of-session", SessionToken: "the/token+="}
	const host, httpHost = "iam.execute-api.localhost", "iamhttp.execute-api.localhost"
	empty := sha256.Sum256(nil)
	presign := func(key aws.Credentials, method, host, target string, at time.Time) string {
		t.Helper()
		return presigned(t, key, method, host, target, at)
	}
	now := time.Now()
	good := presign(ann, "GET", host, "/v1/orders/1?b=2&X-Amz-Expires=60&a=x%20y", now)
	replaced := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	query, err := url.ParseQuery(good[strings.Index(good, "?")+1:])
	if err != nil {
		t.Fatal(err)
	}
	header := "AWS4-HMAC-SHA256 Credential=" + query.Get("X-Amz-Credential") + ", SignedHeaders=host, Signature=" + query.Get("X-Amz-Signature")
	for name, c := range map[string]struct {
		method, host, target, body string
		headers                    []string
		status                     int
		errorType                  string
	}{
		"good":                        {"GET", host, good, "", nil, 200, ""},
		"in another order":            {"GET", host, "/v1/orders/1?" + query.Encode(), "", nil, 200, ""},
		"in other escapes":            {"GET", host, replaced("X-Amz-Expires", "X%2damz-Expires"), "", nil, 403, "InvalidSignatureException"},
		"the same names in escapes":   {"GET", host, strings.ReplaceAll(good, "X-Amz-", "%58%2DAmz-"), "", nil, 200, ""},
		"without a lifetime":          {"GET", host, presign(ann, "GET", host, "/v1/orders/1", now), "", nil, 200, ""},
		"over":                        {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=60", now.Add(-2*time.Minute)), "", nil, 403, "InvalidSignatureException"},
		"still good after the skew":   {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=3600", now.Add(-30*time.Minute)), "", nil, 200, ""},
		"from the future":             {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=604800", now.Add(10*time.Minute)), "", nil, 403, "InvalidSignatureException"},
		"good for no time":            {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=0", now), "", nil, 403, "IncompleteSignatureException"},
		"good for less":               {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=-1", now), "", nil, 403, "IncompleteSignatureException"},
		"good for more than a week":   {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=604801", now), "", nil, 403, "IncompleteSignatureException"},
		"good for ever":               {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=18446744073709551617", now), "", nil, 403, "IncompleteSignatureException"},
		"good for nonsense":           {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=1e3", now), "", nil, 403, "IncompleteSignatureException"},
		"good for nothing said":       {"GET", host, presign(ann, "GET", host, "/v1/orders/1?X-Amz-Expires=", now), "", nil, 403, "IncompleteSignatureException"},
		"for longer":                  {"GET", host, replaced("X-Amz-Expires=60", "X-Amz-Expires=600"), "", nil, 403, "InvalidSignatureException"},
		"without its lifetime":        {"GET", host, replaced("&X-Amz-Expires=60", ""), "", nil, 403, "InvalidSignatureException"},
		"with a second lifetime":      {"GET", host, good + "&X-Amz-Expires=600", "", nil, 403, "IncompleteSignatureException"},
		"with a second one, escaped":  {"GET", host, good + "&X-Amz-%45xpires=600", "", nil, 403, "IncompleteSignatureException"},
		"with a second signature":     {"GET", host, good + "&X-Amz-Signature=" + strings.Repeat("0", 64), "", nil, 403, "IncompleteSignatureException"},
		"with a second key":           {"GET", host, good + "&X-Amz-Credential=x", "", nil, 403, "IncompleteSignatureException"},
		"with another parameter":      {"GET", host, good + "&c=3", "", nil, 403, "InvalidSignatureException"},
		"with a parameter again":      {"GET", host, good + "&b=2", "", nil, 403, "InvalidSignatureException"},
		"without the host":            {"GET", host, replaced("SignedHeaders=host", "SignedHeaders=accept"), "", []string{"Accept", "x"}, 403, "InvalidSignatureException"},
		"without signed headers":      {"GET", host, replaced("SignedHeaders=host", "SignedHeaders="), "", nil, 403, "IncompleteSignatureException"},
		"another path":                {"GET", host, replaced("orders/1", "orders/2"), "", nil, 403, "InvalidSignatureException"},
		"a path encoded twice":        {"GET", host, replaced("orders/1", "orders/%2531"), "", nil, 403, "InvalidSignatureException"},
		"another method":              {"DELETE", host, good, "", nil, 403, "InvalidSignatureException"},
		"a body that was not signed":  {"GET", host, good, "x", nil, 403, "InvalidSignatureException"},
		"a body that says it was":     {"GET", host, good, "x", []string{"X-Amz-Content-Sha256", hex.EncodeToString(empty[:])}, 403, ""},
		"a body said to be unsigned":  {"GET", host, good, "x", []string{"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}, 403, ""},
		"with the header form, too":   {"GET", host, good, "", []string{"Authorization", header}, 403, "InvalidSignatureException"},
		"with any Authorization":      {"GET", host, good, "", []string{"Authorization", "Bearer x"}, 403, "InvalidSignatureException"},
		"with a header for the date":  {"GET", host, good, "", []string{"X-Amz-Date", now.UTC().Format("20060102T150405Z")}, 403, "InvalidSignatureException"},
		"SigV4A":                      {"GET", host, replaced("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "", nil, 403, "IncompleteSignatureException"},
		"with a session":              {"GET", host, presign(session, "GET", host, "/v1/orders/1?X-Amz-Expires=60", now), "", nil, 200, ""},
		"a session without its token": {"GET", host, presign(aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey}, "GET", host, "/v1/orders/1", now), "", nil, 403, "UnrecognizedClientException"},
		"its token outside of what is signed": {"GET", host, presign(aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey}, "GET", host, "/v1/orders/1", now) +
			"&X-Amz-Security-Token=the%2Ftoken%2B%3D", "", nil, 403, "InvalidSignatureException"},
		"its token in a header": {"GET", host, presign(aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey}, "GET", host, "/v1/orders/1", now), "",
			[]string{"X-Amz-Security-Token", "the/token+="}, 403, ""},
		"by the path form":           {"GET", "localhost", presign(ann, "GET", "localhost", "/_aws/execute-api/iam/v1/orders/1?b=2", now), "", nil, 200, ""},
		"one form's by the other":    {"GET", "localhost", "/_aws/execute-api/iam" + good, "", nil, 403, "InvalidSignatureException"},
		"of an HTTP API":             {"GET", httpHost, presign(ann, "GET", httpHost, "/orders?b=2", now), "", nil, 200, ""},
		"another API's":              {"GET", httpHost, good, "", nil, 404, ""},
		"of an HTTP API, with more":  {"GET", httpHost, presign(ann, "GET", httpHost, "/orders?b=2", now) + "&c=3", "", nil, 403, ""},
		"streams, said in the query": {"PUT", host, presign(ann, "PUT", host, "/v1/orders/1?X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER", now), "x", nil, 403, ""},
	} {
		r := g.request(c.method, c.host, c.target, c.body, c.headers...)
		if r.StatusCode != c.status || c.errorType != "" && r.Header.Get("x-amzn-errortype") != c.errorType {
			t.Errorf("%s: %d %s %s", name, r.StatusCode, r.Header.Get("x-amzn-errortype"), r.body)
		}
		if strings.Contains(r.body, "secret-of") {
			t.Errorf("%s: a secret is in %s", name, r.body)
		}
		// The signature is for the gateway; the backend could only misuse it.
		if r.StatusCode == 200 {
			if e := r.echo(t); strings.Contains(strings.ToLower(e.Query), "amz") || strings.Contains(r.body, "token") {
				t.Errorf("%s: the backend got the query %s", name, e.Query)
			}
		}
	}
	for target, want := range map[string]string{
		presign(ann, "GET", host, "/v1/orders/1?z=2&a=x%20y&a=&flag&z=1%2f", now): "a=&a=x%20y&flag=&z=1%2F&z=2",
		presign(ann, "GET", host, "/v1/orders/1", now):                            "",
	} {
		if e := g.request("GET", host, target, "").echo(t); e.Query != want || e.Path != "/orders/1" {
			t.Errorf("%s reached the backend as %s?%s", target, e.Path, e.Query)
		}
	}
	// Who signs by a header may have parameters of these names.
	if e := g.signed(ann, "GET", host, "/v1/orders/1?X-Amz-Date=mine&X-Amz-Expires=1", "", nil).echo(t); !strings.Contains(e.Query, "X-Amz-Date=mine") {
		t.Errorf("the backend got the query %s", e.Query)
	}
}

// TestSignedBodies sends bodies in other ways than whole and hashed.
func TestSignedBodies(t *testing.T) {
	backend := echoBackend(t, "one")
	s := snapshotOf(gateway.API{ID: "iam", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, signedRoutes, backend.URL)}}})
	s.Credentials = []gateway.Credential{{AccessKeyID: "AKIDALLOWED", SecretAccessKey: "secret-of-allowed", ARN: "arn:aws:iam::000000000000:user/ann",
		Policies: []gateway.Policy{{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}`}}}}
	g := start(t, s)
	ann := aws.Credentials{AccessKeyID: "AKIDALLOWED", SecretAccessKey: "secret-of-allowed"}
	const host = "iam.execute-api.localhost"
	hashOf := func(body string) string {
		hash := sha256.Sum256([]byte(body))
		return hex.EncodeToString(hash[:])
	}
	// send signs for a payload and sends a body of chunks, one for each text.
	send := func(payload string, declared bool, chunks ...string) reply {
		t.Helper()
		req, err := http.NewRequest("PUT", "http://"+host+"/v1/orders/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if declared {
			req.Header.Set("X-Amz-Content-Sha256", payload)
		}
		if err := v4.NewSigner().SignHTTP(context.Background(), ann, req, payload, "execute-api", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		c := g.connect(host)
		var b strings.Builder
		fmt.Fprintf(&b, "PUT /v1/orders/1 HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n", host)
		for name := range req.Header {
			fmt.Fprintf(&b, "%s: %s\r\n", name, req.Header.Get(name))
		}
		b.WriteString("\r\n")
		for _, chunk := range chunks {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		b.WriteString("0\r\n\r\n")
		return c.exchange(b.String())
	}
	signature := strings.Repeat("0", 64)
	stream := "1;chunk-signature=" + signature + "\r\nx\r\n0;chunk-signature=" + signature + "\r\n\r\n"
	for name, c := range map[string]struct {
		payload  string
		declared bool
		chunks   []string
		status   int
	}{
		"whole":                         {hashOf("abc"), true, []string{"abc"}, 200},
		"in chunks":                     {hashOf("abc"), false, []string{"a", "b", "c"}, 200},
		"chunks, one changed":           {hashOf("abc"), true, []string{"a", "x", "c"}, 403},
		"chunks, the last missing":      {hashOf("abc"), true, []string{"a", "b"}, 403},
		"chunks, and none in it":        {hashOf(""), true, nil, 200},
		"none in it, and not said":      {hashOf(""), false, nil, 200},
		"none where one was signed":     {hashOf("abc"), true, nil, 403},
		"unsigned":                      {"UNSIGNED-PAYLOAD", true, []string{"anything"}, 200},
		"unsigned, and nobody says so":  {"UNSIGNED-PAYLOAD", false, []string{"anything"}, 403},
		"signed chunks":                 {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", true, []string{stream}, 403},
		"signed chunks with a trailer":  {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", true, []string{stream}, 403},
		"signed chunks, none there":     {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", true, nil, 403},
		"signed chunks of a huge size":  {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", true, []string{strings.Repeat("f", 1<<16) + ";chunk-signature=" + signature + "\r\n"}, 403},
		"unsigned chunks":               {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", true, []string{"1\r\nx\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"}, 403},
		"asymmetrically signed chunks":  {"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", true, []string{stream}, 403},
		"events":                        {"STREAMING-AWS4-HMAC-SHA256-EVENTS", true, []string{stream}, 403},
		"a form that there is not":      {"STREAMING-", true, []string{stream}, 403},
		"what is signed is the form":    {hashOf(stream), true, []string{stream}, 200},
		"unsigned in another spelling":  {"unsigned-payload", true, []string{"anything"}, 403},
		"the hash in another spelling":  {strings.ToUpper(hashOf("abc")), true, []string{"abc"}, 403},
		"a hash that is one byte short": {hashOf("abc")[:62], true, []string{"abc"}, 403},
	} {
		r := send(c.payload, c.declared, c.chunks...)
		if r.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
}
