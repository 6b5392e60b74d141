package openapi

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

const (
	// maxToolName and maxDescription are what clients of models were seen to take.
	maxToolName    = 64
	maxDescription = 4 << 10
)

var (
	notInToolName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
	betweenWords  = regexp.MustCompile(`[^A-Za-z0-9-]+`)
)

// toolSet is what is known while operations become tools.
type toolSet struct {
	names map[string]bool
	// nodes is how large the schemas of all tools may still become.
	nodes int
	// credentials are the names of parameters that prove who calls, by where they are.
	credentials map[string]map[string]bool
	// targets are what references lead to.
	targets map[*yaml.Node]source.Value
}

func newToolSet() toolSet {
	return toolSet{names: map[string]bool{}, nodes: maxToolNodes, credentials: map[string]map[string]bool{"header": {}, "query": {}}, targets: map[*yaml.Node]source.Value{}}
}

// credential notes a parameter that proves who calls: agents are never asked for it, it
// comes from the client.
func (s *toolSet) credential(in, name string) {
	if names := s.credentials[in]; names != nil && name != "" {
		if in == "header" {
			name = strings.ToLower(name)
		}
		names[name] = true
	}
}

var identitySource = regexp.MustCompile(`^(?:method\.|\$)request\.(header|querystring)\.(.+)$`)

// toolCredentials collects where the authorizers look.
func (p *parser) toolCredentials() {
	if !p.opts.Tools {
		return
	}
	for _, a := range p.out.Authorizers {
		for _, text := range a.IdentitySources {
			if m := identitySource.FindStringSubmatch(text); m != nil {
				p.tools.credential(map[string]string{"header": "header", "querystring": "query"}[m[1]], m[2])
			}
		}
	}
	for name := range p.tools.credentials["query"] {
		p.out.CredentialQuery = append(p.out.CredentialQuery, name)
	}
	slices.Sort(p.out.CredentialQuery)
}

// tool describes an operation to agents, where a stage wants that.
func (p *parser) tool(r *gateway.Route, item *pathItem, parameters []parameter, o *source.Object, at source.Value) {
	if !p.opts.Tools || r.Method == "OPTIONS" {
		return
	}
	if r.Method == gateway.AnyMethod {
		at.Warnf("not-a-tool", "give it operations for the methods that it has", "%s has no method that an agent could call it by; it is no tool", r.Key())
		return
	}
	t := gateway.Tool{
		Route: r.Key(), Title: p.plainText(o.Get("summary")), Source: r.Source,
		Deprecated: o.Get("deprecated").Raw() == "true", Internal: o.Get("x-internal").Raw() == "true",
	}
	t.Description = clipText(strings.TrimSpace(strings.TrimSpace(t.Title)+"\n\n"+p.plainText(o.Get("description"))), maxDescription)
	if t.Description == "" {
		t.Description = r.Key()
	}
	w := &toolWriter{p: p, left: maxNodesPerTool}
	a := &toolArguments{properties: map[string]any{}}
	for _, parsed := range parameters {
		p.toolParameter(w, a, parsed)
	}
	for _, segment := range item.template {
		if segment.Variable != "" && !slices.ContainsFunc(a.list, func(g gateway.ToolArgument) bool { return g.In == "path" && g.Parameter == segment.Variable }) {
			schema := map[string]any{"type": "string"}
			if segment.Greedy {
				schema["description"] = "One or more segments of a path, with slashes between."
			}
			a.add(gateway.ToolArgument{Parameter: segment.Variable, In: "path", Required: true}, schema)
		}
	}
	if !p.toolBody(w, a, &t, parameters, o, at) {
		return
	}
	if w.cut {
		at.Warnf("tool-schema", "", "the schemas of %s are too large for an agent; some are told as any value", r.Key())
	}
	t.Arguments = a.list
	schema := map[string]any{"type": "object", "properties": a.properties, "additionalProperties": false}
	if len(a.required) > 0 {
		schema["required"] = a.required
	}
	text, err := json.Marshal(schema) // sorts the keys
	if err != nil {
		at.Warnf("not-a-tool", "", "the schemas of %s cannot be written as JSON; it is no tool", r.Key())
		return
	}
	t.InputSchema = string(text)
	t.Name = p.toolName(r)
	p.out.Tools = append(p.out.Tools, t)
}

// toolName is the operationId, else the method and the path.
func (p *parser) toolName(r *gateway.Route) string {
	name := notInToolName.ReplaceAllString(r.OperationName, "_")
	if strings.Trim(name, "_") == "" {
		name = strings.Trim(betweenWords.ReplaceAllString(strings.ToLower(r.Method)+"_"+r.Path, "_"), "_")
	}
	name = name[:min(len(name), maxToolName)]
	free := name
	for n := 2; p.tools.names[free]; n++ {
		suffix := "_" + strconv.Itoa(n)
		free = name[:min(len(name), maxToolName-len(suffix))] + suffix
	}
	p.tools.names[free] = true
	return free
}

// toolArguments are the arguments of one tool.
type toolArguments struct {
	list       []gateway.ToolArgument
	properties map[string]any
	required   []string
}

var notInArgument = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// add gives an argument the name of its parameter, as far as models can spell it.
func (a *toolArguments) add(g gateway.ToolArgument, schema any) {
	g.Name = a.free(g.Parameter)
	a.properties[g.Name] = schema
	if g.Required {
		a.required = append(a.required, g.Name)
	}
	a.list = append(a.list, g)
}

func (a *toolArguments) free(name string) string {
	name = notInArgument.ReplaceAllString(name, "_")
	name = name[:min(len(name), maxToolName-3)]
	free := name
	for n := 2; a.properties[free] != nil; n++ {
		free = name + "_" + strconv.Itoa(n)
	}
	return free
}

// clientHeaders are parameters that are the client's or the gateway's, not an agent's.
var clientHeaders = regexp.MustCompile(`(?i)^(?:authorization|x-api-key|accept|accept-encoding|content-.*|cookie|host|connection|te|trailer|transfer-encoding|upgrade|expect|keep-alive|forwarded|via|origin|last-event-id|(?:proxy|x-forwarded|x-envoy|x-gw|x-amzn|mcp|sec)-.*)$`)

func (p *parser) toolParameter(w *toolWriter, a *toolArguments, parsed parameter) {
	g := gateway.ToolArgument{Parameter: parsed.Name, In: parsed.In, Required: parsed.Required}
	switch parsed.In {
	case inBody:
		return
	case "header":
		if clientHeaders.MatchString(parsed.Name) || p.tools.credentials["header"][strings.ToLower(parsed.Name)] {
			return
		}
	case "querystring":
		if p.tools.credentials["query"][parsed.Name] {
			return
		}
	}
	o := parsed.written.Object()
	var schema any
	switch {
	case p.dialect == openAPI20:
		schema = w.schema(parsed.written, 0)
		if m, ok := schema.(map[string]any); ok {
			for _, key := range []string{"name", "in", "required", "collectionFormat", "allowEmptyValue", "schema"} {
				delete(m, key)
			}
		}
		g.Separator = map[string]string{"ssv": " ", "tsv": "\t", "pipes": "|", "multi": ""}[o.Get("collectionFormat").Raw()]
		if f := o.Get("collectionFormat").Raw(); f == "" || f == "csv" {
			g.Separator = ","
		}
	default:
		schema = w.schema(o.Get("schema"), 0)
		if content := o.Get("content").Object().Entries(); len(content) > 0 {
			schema, g.Style = w.schema(content[0].Object().Get("schema"), 0), gateway.ToolJSON
		}
		style, explode := o.Get("style").Raw(), o.Get("explode").Raw()
		switch {
		case style == "deepObject":
			g.Style = gateway.ToolDeepObject
		case style == "spaceDelimited" && explode != "true":
			g.Separator = " "
		case style == "pipeDelimited" && explode != "true":
			g.Separator = "|"
		case parsed.In != "querystring" || explode == "false":
			g.Separator = ","
		}
	}
	if m, ok := schema.(map[string]any); ok {
		if text := p.plainText(o.Get("description")); text != "" {
			m["description"] = clipText(text, maxDescription)
		}
	}
	a.add(g, schema)
}

// toolBody adds the request body, as the argument "body". It is false for bodies that
// cannot be written as JSON.
func (p *parser) toolBody(w *toolWriter, a *toolArguments, t *gateway.Tool, parameters []parameter, o *source.Object, at source.Value) bool {
	var schema source.Value
	required := false
	if p.dialect == openAPI20 {
		i := slices.IndexFunc(parameters, func(x parameter) bool { return x.In == inBody })
		switch {
		case i >= 0:
			schema, required, t.BodyType = parameters[i].body, parameters[i].Required, modelContentType
		case p.hasFormData(o):
			at.Warnf("not-a-tool", "", "%s takes a form, which an agent cannot send; it is no tool", t.Route)
			return false
		default:
			return true
		}
	} else {
		body, ok := p.quietly(o.Get("requestBody"))
		if !ok || !body.IsObject() {
			return true
		}
		b := body.Object()
		required = b.Get("required").Raw() == "true"
		var content source.Value
		if content = b.Get("content"); !content.IsObject() {
			return true
		}
		media, found := textualBody(content.Object().Entries())
		if !found {
			if required {
				at.Warnf("not-a-tool", "", "%s takes no JSON, form or text, and an agent can send nothing else; it is no tool", t.Route)
			}
			return !required
		}
		if media.IsObject() {
			schema = media.Object().Get("schema")
		}
		t.BodyType = media.Key
	}
	t.BodyName = a.free("body")
	a.properties[t.BodyName] = w.schema(schema, 0)
	if required {
		a.required = append(a.required, t.BodyName)
	}
	return true
}

// formType is the content type of plain forms.
const formType = "application/x-www-form-urlencoded"

// textualBody is the media type of a body that arguments can be: JSON, if there is one.
func textualBody(entries []source.Entry) (best source.Entry, found bool) {
	rank := 0
	for _, e := range entries {
		base, _, _ := strings.Cut(strings.ToLower(e.Key), ";")
		is := 0
		switch base = strings.TrimSpace(base); {
		case base == modelContentType:
			is = 4
		case strings.HasSuffix(base, "+json"):
			is = 3
		case base == formType:
			is = 2
		case strings.HasPrefix(base, "text/") && !strings.Contains(base, "*"):
			is = 1
		}
		if is > rank {
			rank, best, found = is, e, true
		}
	}
	return best, found
}

func (p *parser) hasFormData(o *source.Object) bool {
	for _, item := range o.Get("parameters").List() {
		if v, ok := p.quietly(item); ok && v.IsObject() && v.Object().Get("in").Raw() == "formData" {
			return true
		}
	}
	return false
}

// quietly follows references that have been followed, and reported on, before.
func (p *parser) quietly(v source.Value) (source.Value, bool) {
	for range maxRefChain {
		if !isReference(v) {
			return v, v.Exists()
		}
		ref := v.Object().Get("$ref")
		if !ref.IsString() {
			return v, false
		}
		// Nothing else follows the references of an HTTP API's schemas; those of a REST
		// API have been reported on.
		if known, told := p.tools.targets[ref.Node()]; told {
			if v = known; !v.Exists() {
				return v, false
			}
			continue
		}
		target, ok := p.resolveForTool(ref)
		if !ok {
			target = source.Value{}
		}
		p.tools.targets[ref.Node()] = target
		if v = target; !ok {
			return v, false
		}
	}
	return v, false
}

func (p *parser) resolveForTool(ref source.Value) (source.Value, bool) {
	if modelURL.MatchString(ref.Raw()) {
		name := modelURL.FindStringSubmatch(ref.Raw())[1]
		schema, ok := p.models.written[name]
		return schema, ok
	}
	if p.protocol == gateway.HTTP {
		return p.resolve(ref)
	}
	file, pointer, _ := strings.Cut(ref.Raw(), "#")
	doc := ref.Document()
	if file != "" {
		name := file
		if from := p.refs.paths[doc]; from != "" && !path.IsAbs(file) {
			name = path.Join(path.Dir(from), file)
		}
		if doc = p.refs.documents[name].doc; doc == nil {
			return source.Value{}, false
		}
	}
	target, _, ok := p.refs.lookup(doc.Root(), pointer)
	return target, ok
}

// plainText is a text that nothing is said about if it is none.
func (p *parser) plainText(v source.Value) string {
	if !v.IsScalar() {
		return ""
	}
	return strings.TrimSpace(p.expand(v.Raw()))
}

func clipText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-3], "") + "..."
}
