package sigv4_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/extauthz/sigv4"
	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

// verifyingServer takes what the access key AKIDSENT signed: for execute-api below
// /api/, for apigateway elsewhere. Everything else it refuses as AWS does.
func verifyingServer(t *testing.T, credential sigv4.Credential) *httptest.Server {
	lookup := oneKey("AKIDSENT", credential)
	regions := []string{"eu-west-1"}
	api := newVerifier(t, sigv4.Options{Lookup: lookup, Regions: regions})
	management := newVerifier(t, sigv4.Options{Lookup: lookup, Regions: regions, Service: "apigateway"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request := sigv4.FromHTTP(r)
		request.Body = sigv4.BodyBytes(body)
		verifier := management
		if strings.HasPrefix(r.URL.Path, "/api/") {
			verifier = api
		}
		w.Header().Set("Content-Type", "application/json")
		verified, err := verifier.Verify(r.Context(), &request, time.Now())
		if refused, ok := errors.AsType[*sigv4.Error](err); ok {
			w.Header().Set("x-amzn-errortype", refused.Type)
			w.WriteHeader(refused.Status)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": refused.DetailedMessage()})
			return
		}
		if err != nil || verified.Payload == sigv4.PayloadToCheck {
			http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, `{"item": [{"id": "a1b2c3", "name": "verified `+verified.AccessKeyID+`"}]}`)
	}))
	t.Cleanup(server.Close)
	return server
}

var sent = sigv4.Credential{Secret: "sent-secret", SessionToken: "sent-token"}

// TestBotocoreOverTheWire: what botocore's HTTP client and boto3's clients put on a
// socket is what they signed.
func TestBotocoreOverTheWire(t *testing.T) {
	cmd := pytools.Command(t, nil, "testdata/sign.py", "send", verifyingServer(t, sent).URL)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sign.py: %v\n%s", err, &stderr)
	}
	answers, refused := 0, 0
	for line := range bytes.Lines(out) {
		var answer struct {
			What, Answer string
			Status       int
		}
		if err := json.Unmarshal(line, &answer); err != nil {
			t.Fatalf("sign.py printed %q: %v", line, err)
		}
		answers++
		if answer.What == "wrong secret" {
			refused++
			if answer.Status != 403 || answer.Answer != "InvalidSignatureException" {
				t.Errorf("%s: %d %s", answer.What, answer.Status, answer.Answer)
			}
		} else if answer.Status != 200 {
			t.Errorf("%s: %d %s", answer.What, answer.Status, answer.Answer)
		}
	}
	if answers < 60 || refused != 1 {
		t.Errorf("%d answers, %d refused", answers, refused)
	}
}

// TestAWSCLI: the aws command, which brings a signer of its own, is understood, and
// understands the refusals.
func TestAWSCLI(t *testing.T) {
	server := verifyingServer(t, sent)
	aws := func(secret, region string, args ...string) (string, error) {
		cmd := pytools.Command(t, []string{
			"AWS_ACCESS_KEY_ID=AKIDSENT", "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_SESSION_TOKEN=sent-token", "AWS_DEFAULT_REGION=" + region,
		}, append([]string{"-m", "awscli", "--output", "json", "--endpoint-url", server.URL}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{
		{"apigateway", "get-rest-apis"},
		{"apigateway", "create-rest-api", "--name", "Grüße", "--description", "two  words"},
		{"apigateway", "get-tags", "--resource-arn", "arn:aws:apigateway:eu-west-1::/restapis/a1b2c3", "--position", "a b+c/="},
	} {
		out, err := aws("sent-secret", "eu-west-1", args...)
		if err != nil || args[1] == "get-rest-apis" && !strings.Contains(out, "verified AKIDSENT") {
			t.Errorf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	out, err := aws("wrong-secret", "eu-west-1", "apigateway", "get-rest-apis")
	if err == nil || !strings.Contains(out, "(InvalidSignatureException) when calling the GetRestApis operation: The request signature we calculated does not match") {
		t.Errorf("with a wrong secret: %v\n%s", err, out)
	}
	out, err = aws("sent-secret", "eu-west-2", "apigateway", "get-rest-apis")
	if err == nil || !strings.Contains(out, "Credential should be scoped to a valid region.") {
		t.Errorf("for another region: %v\n%s", err, out)
	}
}

// TestCurl: curl has a third signer. Versions before 8 do not encode queries, so
// these are such as need nothing.
func TestCurl(t *testing.T) {
	path, err := exec.LookPath("curl")
	if err != nil {
		proctest.Missing(t, "curl was not found (on Debian and Ubuntu: apt-get install curl)")
	}
	server := verifyingServer(t, sigv4.Credential{Secret: "sent-secret"})
	curl := func(user string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), path, append([]string{
			"--disable", "--silent", "--show-error", "--max-time", "60", "--noproxy", "*", "--user", user, "--aws-sigv4", "aws:amz:eu-west-1:execute-api"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("curl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, args := range [][]string{
		{server.URL + "/api/pets"},
		{server.URL + "/api//pets"},
		{server.URL + "/api/pets?a=1&b=x-y_z~"},
		{"--data", `{"name": "Ümit"}`, "-H", "Content-Type: application/json", server.URL + "/api/pets"},
		{"-X", "PUT", "--data-binary", "x", "-H", "X-Tenant:  two   words ", server.URL + "/api/pets/7"},
	} {
		if out := curl("AKIDSENT:sent-secret", args...); !strings.Contains(out, "verified AKIDSENT") {
			t.Errorf("curl %v: %s", args, out)
		}
	}
	if out := curl("AKIDSENT:wrong", server.URL+"/api/pets"); !strings.Contains(out, "does not match the signature you provided") {
		t.Errorf("with a wrong secret: %s", out)
	}
}
