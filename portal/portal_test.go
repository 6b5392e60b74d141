package portal

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/management/store"
)

const petsDocument = `
openapi: 3.0.3
info: {title: pets, version: "1"}
paths:
  /pets:
    parameters:
      - {name: kind, in: query, description: The kind of pets., schema: {type: string, enum: [cat, dog]}}
      - {name: most, in: query, description: How many for any path., schema: {type: integer}}
    get:
      operationId: listPets
      summary: All pets
      x-owner: the-secret-team
      servers: [{url: "https://internal.example.com"}]
      parameters:
        - {name: most, in: query, description: How many., schema: {type: integer, default: 10}}
      security: [{api_key: []}]
      responses: {"200": {description: The pets., content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/pets"}
    options:
      responses: {"200": {description: Yes.}}
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}
  /internal/health:
    get:
      responses: {"200": {description: Well., content: {application/json: {schema: {$ref: "#/components/schemas/Health"}}}}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/health"}
  /pets/{id}:
    delete:
      security: [{api_key: []}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"204": {description: Gone.}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: DELETE, uri: "http://127.0.0.1:1/pets"}
components:
  schemas:
    Pet: {type: object, properties: {owner: {$ref: "#/components/schemas/Owner"}}}
    Owner: {type: object, properties: {x-amazon-account: {type: string}}}
    Health: {type: object}
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
`

const petsDefinitions = `
gateways: [{name: edge, listeners: [{port: 8080}]}]
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}, {name: v2}]}]
usagePlans: [{name: gold, quota: {limit: 1000, period: MONTH}, stages: [pets/v1]}]
portals:
  - name: developers
    title: Pets & <b>friends</b>
    url: https://api.example.com/developers
    SIGNIN
    apis:
      - {stage: pets/v1, title: "<script>alert(1)</script>", server: https://api.example.com/pets, plan: gold, hide: [/internal/*, "DELETE /pets/{id}"]}
      - {stage: pets/v2, server: https://other.example.com/pets}
`

// load reads definitions, which must be good.
func load(t *testing.T, text string) *gateway.Snapshot {
	t.Helper()
	return loadDocument(t, text, petsDocument)
}

// loadDocument reads definitions with another document of the API.
func loadDocument(t *testing.T, text, document string) *gateway.Snapshot {
	t.Helper()
	files := map[string]string{"gatehouse.yaml": text, "pets.openapi.yaml": document}
	result := definition.NewLoader(definition.Options{ReadFile: func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, os.ErrNotExist
	}}).Load(t.Context(), []string{"gatehouse.yaml"})
	if result.Snapshot == nil || result.Diagnostics.HasErrors() {
		t.Fatal(result.Diagnostics)
	}
	return result.Snapshot
}

// tested is a portal that tests ask.
type tested struct {
	t      *testing.T
	server *Server
	store  store.Store
	log    *strings.Builder
	// asked are the requests that the owner was told of.
	asked []Request
	http  *httptest.Server
}

type counted []Day

func (c counted) Daily(context.Context, string, string, time.Time, time.Time) ([]Day, bool, error) {
	return c, true, nil
}

func serve(t *testing.T, kept store.Store, definitions string) *tested {
	t.Helper()
	log := &strings.Builder{}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	p := &tested{t: t, store: kept, log: log, server: New(Options{
		Log: slog.New(slog.NewTextHandler(log, nil)), Store: kept,
		Usage: counted{{Day: today.AddDate(0, 0, -1), Calls: 3, Left: 997}, {Day: today, Calls: 40, Left: 957}},
	})}
	p.server.options.Asked = func(r Request) { p.asked = append(p.asked, r) }
	compiled, ds := p.server.Compile(load(t, definitions))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	p.server.Swap(compiled)
	p.http = httptest.NewServer(p.server)
	t.Cleanup(p.http.Close)
	return p
}

// browser keeps cookies, as those of the portal's own address.
type browser struct {
	*tested
	jar *cookiejar.Jar
	// address is what the gateway says that the browser's is.
	address string
}

func (p *tested) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{p, jar, "192.0.2.1"}
}

// ask sends a request as a gateway would, to a path below the portal's base; a form makes
// it a POST.
func (b *browser) ask(path string, form url.Values, headers ...string) (*http.Response, string) {
	b.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.http.URL+"/developers"+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	public, _ := url.Parse("https://api.example.com/developers" + path)
	for _, c := range b.jar.Cookies(public) {
		r.AddCookie(c)
	}
	r.Header.Set("X-Forwarded-For", "203.0.113.77, "+b.address)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://api.example.com")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.jar.SetCookies(public, answer.Cookies())
	return answer, string(text)
}

// want asks, and holds the answer to a status.
func (b *browser) want(status int, path string, form url.Values, headers ...string) string {
	b.t.Helper()
	answer, text := b.ask(path, form, headers...)
	if answer.StatusCode != status {
		b.t.Fatalf("%s: %d, want %d: %s", path, answer.StatusCode, status, text)
	}
	return text
}

// decide is what the owner's command does.
func (p *tested) decide(id, body string) (int, string) {
	r := httptest.NewRequest(http.MethodPut, "/portal/requests/"+id, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.server.DecisionHandler("/portal/requests").ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (p *tested) requests() []Request {
	p.t.Helper()
	all, err := p.server.book.list(p.t.Context(), func(*Request) bool { return true })
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

var ada = url.Values{"name": {"Ada <i>L</i>"}, "email": {"ada@example.com"}, "purpose": {"to\ntry \"it\""}}

var secretForm = regexp.MustCompile(`sign-in#([A-Za-z0-9_-]{43})"`)

var keyForm = regexp.MustCompile(`id="key">([A-Za-z0-9]{40})<`)
