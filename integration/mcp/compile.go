package mcp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"reflect"

	"gatehouse/gateway"
)

const (
	// pageTools and pageBytes bound a page of tools/list.
	pageTools = 100
	pageBytes = 256 << 10
	// maxInstructions bounds what is said about an API as a whole.
	maxInstructions = 4 << 10
)

// Compiled is a snapshot made ready to be served. It is not changed once it is made.
type Compiled struct{ endpoints map[endpointKey]*endpoint }

type endpointKey struct{ api, stage string }

// endpoint is the MCP endpoint of a stage.
type endpoint struct {
	key          endpointKey
	server       serverInfo
	instructions string
	tools        map[string]*tool
	// listed are the tools as clients are told of them, and position where each is.
	listed   []listedText
	position map[string]int
	// tokens says who issues the tokens that the endpoint asks for; nil where it asks for none.
	tokens *protectedResource
	// credentialQuery are the query parameters that prove who calls.
	credentialQuery []string
	// cors says which pages may use the endpoint, nil for none.
	cors *gateway.CORS
	// deployment is what the endpoint was made of.
	deployment *gateway.Deployment
	mcp        *gateway.MCP
}

type listedText struct {
	name string
	text []byte
}

type serverInfo struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Version string `json:"version"`
}

// tool is one with what is known of its route beforehand.
type tool struct {
	*gateway.Tool
	method   string
	template gateway.PathTemplate
	// better are the routes that are preferred to this one where both match.
	better []gateway.PathTemplate
}

// listedTool is a tool as clients are told of it.
type listedTool struct {
	Name        string          `json:"name"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	InputSchema json.RawMessage `json:"inputSchema"`
	Annotations *annotations    `json:"annotations,omitempty"`
}

// annotations are hints about what a call does, as far as its HTTP method says that.
type annotations struct {
	ReadOnly    *bool `json:"readOnlyHint,omitempty"`
	Destructive *bool `json:"destructiveHint,omitempty"`
	Idempotent  *bool `json:"idempotentHint,omitempty"`
}

func hints(method string) *annotations {
	yes, no := true, false
	switch method {
	case http.MethodGet, http.MethodHead:
		return &annotations{ReadOnly: &yes, Destructive: &no, Idempotent: &yes}
	case http.MethodPut, http.MethodDelete:
		return &annotations{ReadOnly: &no, Destructive: &yes, Idempotent: &yes}
	}
	return &annotations{ReadOnly: &no}
}

// Compile makes ready what a snapshot needs to be served. It has no other effect.
func (s *Server) Compile(snapshot *gateway.Snapshot) *Compiled {
	before := s.serving.Load().current
	c := &Compiled{endpoints: map[endpointKey]*endpoint{}}
	for i := range snapshot.APIs {
		api := &snapshot.APIs[i]
		for j := range api.Stages {
			st := &api.Stages[j]
			if st.MCP == nil || st.Deployment == nil {
				continue
			}
			key := endpointKey{api.ID, st.Name}
			tokens := protectedResourceOf(snapshot, api, st)
			if before != nil {
				if known := before.endpoints[key]; known != nil && known.deployment == st.Deployment && gateway.ContentHash(known.mcp) == gateway.ContentHash(st.MCP) && known.server.Name == api.Name && reflect.DeepEqual(known.tokens, tokens) {
					c.endpoints[key] = known
					continue
				}
			}
			c.endpoints[key] = newEndpoint(key, api, st, tokens)
		}
	}
	return c
}

func newEndpoint(key endpointKey, api *gateway.API, st *gateway.Stage, tokens *protectedResource) *endpoint {
	d := st.Deployment
	e := &endpoint{
		key: key, server: serverInfo{Name: api.Name, Title: d.Title, Version: d.Version},
		instructions: clip(d.Description, maxInstructions),
		tools:        map[string]*tool{}, position: map[string]int{}, credentialQuery: d.CredentialQuery, deployment: d, mcp: st.MCP, tokens: tokens,
		cors: st.MCPCORS(),
	}
	routes := map[string]*gateway.Route{}
	templates := make([]gateway.PathTemplate, len(d.Routes))
	for i := range d.Routes {
		routes[d.Routes[i].Key()] = &d.Routes[i]
		// A path that cannot be read is reported by Validate.
		templates[i], _ = gateway.ParsePath(d.Routes[i].Path)
	}
	for _, of := range st.Tools() {
		r := routes[of.Route]
		if r == nil {
			continue
		}
		t := &tool{Tool: of, method: r.Method}
		t.template, _ = gateway.ParsePath(r.Path)
		if len(t.template.Variables()) > 0 {
			for i := range d.Routes {
				o := &d.Routes[i]
				if o != r && o.Path != r.Path && o.Path != gateway.DefaultRoute && (o.Method == r.Method || o.Method == gateway.AnyMethod) && templates[i].Compare(t.template) < 0 {
					t.better = append(t.better, templates[i])
				}
			}
		}
		e.tools[of.Name] = t
		e.position[of.Name] = len(e.listed)
		e.listed = append(e.listed, listedText{of.Name, encode(listedTool{of.Name, of.Title, of.Description, json.RawMessage(of.InputSchema), hints(r.Method)})})
	}
	return e
}

// page is a page of tools/list. A cursor is the last tool of the page before: every process,
// and every revision that still has that tool, goes on from there.
func (e *endpoint) page(cursor string) (json.RawMessage, bool) {
	at := 0
	if cursor != "" {
		name, err := base64.RawURLEncoding.DecodeString(cursor)
		last, known := e.position[string(name)]
		if err != nil || !known {
			return nil, false
		}
		at = last + 1
	}
	var page bytes.Buffer
	page.WriteString(`{"tools":[`)
	first := at
	for ; at < len(e.listed) && at-first < pageTools && (at == first || page.Len()+len(e.listed[at].text) < pageBytes); at++ {
		if at > first {
			page.WriteByte(',')
		}
		page.Write(e.listed[at].text)
	}
	page.WriteByte(']')
	if at < len(e.listed) {
		page.WriteString(`,"nextCursor":"` + base64.RawURLEncoding.EncodeToString([]byte(e.listed[at-1].name)) + `"`)
	}
	page.WriteByte('}')
	return page.Bytes(), true
}
