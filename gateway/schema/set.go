package schema

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/gateway"
)

// builtIn are the models that every API of Amazon's is born with.
var builtIn = []gateway.Model{
	{Name: "Empty", Schema: `{"$schema":"http://json-schema.org/draft-04/schema#","title":"Empty Schema","type":"object"}`},
	{Name: "Error", Schema: `{"$schema":"http://json-schema.org/draft-04/schema#","title":"Error Schema","type":"object","properties":{"message":{"type":"string"}}}`},
}

// maxSchemaBytes bounds a model together with those that it refers to. It is Amazon's
// bound of all models of an API.
const maxSchemaBytes = 400 << 10

// Set compiles the models of one API, which may refer to each other. It is not for
// concurrent use; the schemas that it gives are.
type Set struct {
	models   []*model
	byName   map[string]*model
	compiler *jsonschema.Compiler
	nodes    nodeMaker
	told     map[Problem]bool
}

// model is a model on its way.
type model struct {
	gateway.Model
	url    string
	loaded bool
	// unreadable: it is no JSON.
	unreadable bool
	// tried: the library has read it, and made this of it.
	tried    bool
	compiled *jsonschema.Schema
	wrong    []Problem
	// refers are the models that it refers to.
	refers   []*model
	problems []Problem
}

// NewSet makes a Set of an API's models. None of them is read before it is compiled.
func NewSet(models []gateway.Model) *Set {
	s := &Set{
		byName: map[string]*model{}, compiler: jsonschema.NewCompiler(), told: map[Problem]bool{},
		nodes: nodeMaker{made: map[*jsonschema.Schema]*node{}, asked: map[*jsonschema.Schema]asking{}, seen: map[*jsonschema.Schema]bool{}},
	}
	s.compiler.DefaultDraft(jsonschema.Draft4)
	s.compiler.AssertFormat()
	s.compiler.UseLoader(jsonschema.SchemeURLLoader{})
	s.compiler.UseRegexpEngine(patterns{}.compile)
	for _, m := range models {
		s.add(m)
	}
	for _, m := range builtIn {
		if s.byName[m.Name] == nil {
			s.add(m)
		}
	}
	return s
}

// Models are looked up by number, so that their names may be anything.
const (
	modelsHost = "model.invalid"
	modelsPath = "/"
	modelsURL  = "https://" + modelsHost + modelsPath
)

func (s *Set) add(m gateway.Model) {
	added := &model{Model: m, url: modelsURL + strconv.Itoa(len(s.models))}
	s.models = append(s.models, added)
	s.byName[m.Name] = added
}

// Compile gives the schema of a model, and what is wrong with it, or with those that it
// refers to, and was not told before. Without a schema there was something wrong.
func (s *Set) Compile(name string) (*Schema, []Problem) {
	m := s.byName[name]
	if m == nil {
		return nil, []Problem{{Model: name, Message: "there is no such model"}}
	}
	reachable, found := s.load(m)
	var root *node
	for _, at := range reachable {
		s.compile(at)
		found = append(found, at.wrong...)
		if at == m && at.compiled != nil {
			root, found = s.nodes.of(at.compiled, s, found)
		}
	}
	if root == nil || slices.ContainsFunc(found, func(p Problem) bool { return !p.Warning }) {
		return nil, s.untold(found)
	}
	return &Schema{root: root}, s.untold(found)
}

// untold leaves out what was told before, and puts the rest in order.
func (s *Set) untold(found []Problem) []Problem {
	var out []Problem
	for _, p := range found {
		if !s.told[p] {
			s.told[p] = true
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	return out
}

// load reads a model and all that it refers to; it gives those that could be read.
func (s *Set) load(m *model) (reachable []*model, found []Problem) {
	size := 0
	seen := map[*model]bool{m: true}
	for next := []*model{m}; len(next) > 0; next = next[1:] {
		at := next[0]
		if size += len(at.Schema); size > maxSchemaBytes {
			return nil, append(found, Problem{Model: m.Name, Message: fmt.Sprintf("the schema, with those that it refers to, is larger than %d KiB", maxSchemaBytes>>10)})
		}
		s.read(at)
		found = append(found, at.problems...)
		if !at.unreadable {
			reachable = append(reachable, at)
		}
		for _, other := range at.refers {
			if !seen[other] {
				seen[other] = true
				next = append(next, other)
			}
		}
	}
	return reachable, found
}

// compile has the library read a model, once.
func (s *Set) compile(m *model) {
	if m.tried {
		return
	}
	m.tried = true
	compiled, err := s.compiler.Compile(m.url)
	if err != nil {
		m.wrong = s.problemsOf(m.Name, err)
		return
	}
	m.compiled = compiled
}

// read makes a model known to the library, its references made absolute.
func (s *Set) read(m *model) {
	if m.loaded {
		return
	}
	m.loaded = true
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(m.Schema))
	if err != nil {
		m.unreadable = true
		m.problems = append(m.problems, Problem{Model: m.Name, Message: "the schema is not JSON: " + err.Error()})
		return
	}
	if object, ok := doc.(map[string]any); ok && object["$schema"] == nil && m.Dialect != "" {
		object["$schema"] = m.Dialect
	}
	p := preparation{set: s, model: m, root: doc, draft4: isDraft4(doc)}
	p.value(doc, InSchema, "")
	if err := s.compiler.AddResource(m.url, doc); err != nil {
		m.unreadable = true
		m.problems = append(m.problems, Problem{Model: m.Name, Message: err.Error()})
	}
}

func isDraft4(doc any) bool {
	object, ok := doc.(map[string]any)
	if !ok {
		return true
	}
	dialect, ok := object["$schema"].(string)
	return !ok || strings.HasPrefix(dialect, "http://json-schema.org/draft-04/") || strings.HasPrefix(dialect, "https://json-schema.org/draft-04/")
}

// of finds the model that a URL of ours names.
func (s *Set) of(text string) (m *model, pointer string) {
	u, err := url.Parse(text)
	if err != nil || u.Host != modelsHost {
		return nil, ""
	}
	i, err := strconv.Atoi(strings.TrimPrefix(u.Path, modelsPath))
	if err != nil || i < 0 || i >= len(s.models) {
		return nil, ""
	}
	return s.models[i], u.Fragment
}
