package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse/dashboard"
	"gatehouse/gateway"
)

// TestExplain asks what would become of requests, and holds what is said to questions that
// are none.
func TestExplain(t *testing.T) {
	s := guardedShop()
	stage := &s.APIs[0].Stages[0]
	stage.Canary, stage.Deployment.Policy, s.Domains = nil, "", nil
	stage.Deployment.Routes, stage.Deployment.Authorizers, stage.Deployment.RequestValidators = stage.Deployment.Routes[:1], nil, nil
	route := &stage.Deployment.Routes[0]
	route.Authorization, route.RequestValidator, route.RequestModels, route.Integration.URI = nil, "", nil, "http://pets.internal/pets"
	s.Seal()
	d := dashboard.New(dashboard.Options{Snapshot: func() *gateway.Snapshot { return s }})
	ask := func(values url.Values, headers ...string) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "/dashboard/explain", strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		_, body, _ := strings.Cut(w.Body.String(), "<main")
		return w.Code, strings.Join(strings.Fields(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(body, " ")), " ")
	}
	expect(t, d, "/dashboard/explain", "Nothing is sent anywhere.")
	question := func(method, address, headers, source string) url.Values {
		return url.Values{"method": {method}, "url": {address}, "headers": {headers}, "source": {source}}
	}
	const pets = "http://pets.execute-api.localhost/v1/pets"
	for name, c := range map[string]struct {
		question url.Values
		want     string
	}{
		"refused":      {question("POST", pets, "", "192.0.2.1"), "answered by the gateway"},
		"its line":     {question("POST", pets, "", ""), "pets.yaml:10:3"},
		"no host":      {question("GET", "http://nowhere.example/<b>", "", ""), "nowhere.example"},
		"no URL":       {question("GET", hostile, "", ""), "&lt;script"},
		"no header":    {question("GET", pets, "what is this", ""), "is no header, such as X-Api-Key: VALUE"},
		"no address":   {question("GET", pets, "", "here"), "“here” is no IP address."},
		"many headers": {question("GET", pets, strings.Repeat("X-A: b\n", 2000), ""), "are too long"},
	} {
		if status, text := ask(c.question); status != http.StatusOK || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d, without %q:\n%s", name, status, c.want, text)
		}
	}
	if status, _ := ask(question("GET", pets, "", ""), "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("another site asks: %d", status)
	}
	if status, _ := ask(question("GET", pets, strings.Repeat("x", 40<<10), "")); status != http.StatusForbidden {
		t.Errorf("a form of any size is read: %d", status)
	}
}
