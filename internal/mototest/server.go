// Package mototest runs moto, a server that speaks the APIs of AWS's services, for tests of
// what is sent to them. It is none of ours, so that it shows whether services would
// understand us; signatures it does not look at.
package mototest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

const (
	// Region is where tests keep what they make.
	Region = "eu-west-1"
	// Account is moto's own.
	Account = "123456789012"
)

// Server is a moto that runs for the length of a test.
type Server struct {
	// URL is the endpoint of all services.
	URL string
	t   testing.TB
}

// Start runs one, with nothing in it. Without the Python tools the test is skipped, except
// in CI.
func Start(t testing.TB) *Server {
	t.Helper()
	port := strconv.Itoa(proctest.FreePort(t))
	process := proctest.Start(t, pytools.Command(t, nil, "-m", "moto.server", "-H", "127.0.0.1", "-p", port))
	s := &Server{URL: "http://127.0.0.1:" + port, t: t}
	for deadline := time.Now().Add(proctest.Patience); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(s.URL + "/moto-api/data.json")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto does not answer: %v\n%s", err, process.Output())
		}
	}
}

// Environment has the AWS SDK call this server, and nothing of the machine's.
func (s *Server) Environment() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": s.URL, "AWS_REGION": Region, "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": s.t.TempDir() + "/config", "AWS_SHARED_CREDENTIALS_FILE": s.t.TempDir() + "/credentials",
	}
}

// Call calls an action of a JSON API, and gives what it answers.
func (s *Server) Call(service, action string, parameters any) map[string]any {
	s.t.Helper()
	body, err := json.Marshal(parameters)
	if err != nil {
		s.t.Fatal(err)
	}
	status, text := s.send(service, "POST", "/", string(body), "X-Amz-Target", action, "Content-Type", "application/x-amz-json-1.0")
	answer := map[string]any{}
	if len(text) > 0 {
		err = json.Unmarshal([]byte(text), &answer)
	}
	if status != http.StatusOK || err != nil {
		s.t.Fatalf("%s: %d %s", action, status, text)
	}
	return answer
}

// Send sends any other request to a service, and gives what it answers with success.
func (s *Server) Send(service, method, target, body string, headers ...string) string {
	s.t.Helper()
	status, text := s.send(service, method, target, body, headers...)
	if status < 200 || status > 299 {
		s.t.Fatalf("%s %s: %d %s", method, target, status, text)
	}
	return text
}

func (s *Server) send(service, method, target, body string, headers ...string) (status int, text string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+target, bytes.NewReader([]byte(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	// The scope of a signature tells which service and region are meant.
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/%s/%s/aws4_request, SignedHeaders=host, Signature=0", Region, service))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}
