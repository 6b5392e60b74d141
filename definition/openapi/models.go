package openapi

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

const modelContentType = "application/json"

var (
	modelName = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	// modelURL is how AWS writes references between models.
	modelURL    = regexp.MustCompile(`^https://apigateway\.amazonaws\.com/restapis/[^/]*/models/([^/#]+)$`)
	notModelKey = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// modelSet keeps what has become a model, so that one schema becomes one model.
type modelSet struct {
	// names of the models, in the order they were made, and as a set.
	names []string
	known map[string]bool
	// inline are the names of the generated models by schema node, referred those
	// by what a $ref outside of the shared schemas leads to.
	inline   map[*yaml.Node]string
	referred map[*yaml.Node]string
	// written are the models' schemas where they are written.
	written map[string]source.Value
	// pending are referred schemas not yet written: writing one may find more, and
	// a chain of them must not be a recursion.
	pending []pendingModel
}

type pendingModel struct {
	name   string
	schema source.Value
}

func newModelSet() modelSet {
	return modelSet{known: map[string]bool{}, inline: map[*yaml.Node]string{}, referred: map[*yaml.Node]string{}, written: map[string]source.Value{}}
}

func (s *modelSet) add(name string) {
	s.names = append(s.names, name)
	s.known[name] = true
}

// schemas makes a model of every shared schema.
func (p *parser) schemas(v source.Value) {
	if p.protocol != gateway.REST {
		if v.IsObject() && len(v.Object().Entries()) > 0 && !p.opts.Tools {
			v.Warnf("no-effect", "", "an HTTP API has no models; the schemas have no effect")
		}
		return
	}
	entries := v.Object().Entries()
	for _, e := range entries {
		p.models.add(e.Key)
	}
	for _, e := range entries {
		if !modelName.MatchString(e.Key) {
			e.KeyValue.Warnf("model-name", "", "AWS allows only letters and digits in a model's name, %q would be refused there", e.Key)
		}
		if p.checkSchema(e.Value) {
			p.addModel(e.Key, e.Value, e.KeyValue)
		}
	}
}

// addModel writes the schema of a model whose name is known.
func (p *parser) addModel(name string, schema, at source.Value) {
	p.keepModel(name, p.schemaText(schema), schema, at)
}

func (p *parser) keepModel(name, text string, schema, at source.Value) {
	p.models.written[name] = schema
	p.out.Models = append(p.out.Models, gateway.Model{
		Name: name, ContentType: modelContentType, Schema: text, Dialect: p.schemaDialect, Source: at.Pos(),
	})
}

// checkSchema reports what cannot be a schema. OpenAPI 3.1 has boolean schemas.
func (p *parser) checkSchema(v source.Value) bool {
	isBool := v.IsScalar() && v.Node().ShortTag() == "!!bool"
	return isBool && p.dialect == openAPI31 || p.isObject(v)
}

// schemaModel gives the model of a schema in a message: the shared one it refers
// to, or a generated one. The name is made of the content, so it is stable, and
// equal schemas share a model.
func (p *parser) schemaModel(schema source.Value) string {
	if schema.IsNull() || p.protocol != gateway.REST {
		return ""
	}
	if name, ok := p.models.inline[schema.Node()]; ok {
		return name
	}
	if !p.checkSchema(schema) {
		return ""
	}
	if ref, ok := onlyReference(schema); ok {
		name, _ := p.referredModel(ref)
		return name
	}
	text := p.schemaText(schema)
	sum := sha256.Sum256([]byte(text))
	name := "MODEL" + hex.EncodeToString(sum[:6])
	p.models.inline[schema.Node()] = name
	if !p.models.known[name] {
		p.models.add(name)
		p.keepModel(name, text, schema, schema)
	}
	return name
}

// onlyReference reports whether a schema is nothing but a reference. What stands
// beside $ref counts in 3.1, so such a schema is kept whole and becomes a model.
func onlyReference(schema source.Value) (source.Value, bool) {
	if !isReference(schema) {
		return source.Value{}, false
	}
	o := schema.Object()
	ref := o.Get("$ref")
	for _, e := range o.Unread() {
		if e.Key != "summary" && e.Key != "description" {
			return source.Value{}, false
		}
	}
	return ref, true
}

// schemaReference checks a $ref inside a schema and gives it as the model keeps
// it: as written, unless it leaves the document.
func (p *parser) schemaReference(ref, schema source.Value) string {
	// "#" is the schema itself, and "#/definitions/…" may lie inside of it: AWS
	// keeps each model as a document of its own.
	if pointer, ok := strings.CutPrefix(ref.Raw(), "#"); ok && ref.Document() == p.doc {
		if _, _, inside := p.refs.lookup(schema, pointer); inside {
			return ref.Raw()
		}
		if strings.HasPrefix(ref.Raw(), p.schemaPrefix()) {
			p.resolve(ref)
			return ref.Raw()
		}
	}
	if modelURL.MatchString(ref.Raw()) {
		p.referredModel(ref)
		return ref.Raw()
	}
	if name, ok := p.referredModel(ref); ok {
		return p.schemaPrefix() + name
	}
	return ref.Raw()
}

// referredModel gives the name of the model that a reference leads to, making one
// for a schema that isn't among the shared ones.
func (p *parser) referredModel(ref source.Value) (string, bool) {
	name, isURL := ref.Raw(), false
	if m := modelURL.FindStringSubmatch(ref.Raw()); m != nil {
		name, isURL = m[1], true
	} else if ref.Document() == p.doc {
		name = strings.TrimPrefix(ref.Raw(), p.schemaPrefix())
	}
	if p.models.known[name] {
		return name, true
	}
	// Every API of AWS is born with the models Empty and Error.
	if isURL && name != "Empty" && name != "Error" {
		ref.Errorf("dangling-ref", p.didYouMean(name, p.models.names), "the reference %s leads to no model", ref.Raw())
	}
	if isURL {
		return "", false
	}
	target, ok := p.resolve(ref)
	if !ok || !p.checkSchema(target) {
		return "", false
	}
	if name, ok := p.models.referred[target.Node()]; ok {
		return name, true
	}
	name = p.freeModelName(ref.Raw())
	p.models.add(name)
	p.models.referred[target.Node()] = name
	p.models.pending = append(p.models.pending, pendingModel{name, target})
	return name, true
}

func (p *parser) schemaPrefix() string {
	if p.dialect == openAPI20 {
		return "#/definitions/"
	}
	return "#/components/schemas/"
}

// freeModelName makes a name of a reference's last part.
func (p *parser) freeModelName(ref string) string {
	file, pointer, _ := strings.Cut(ref, "#")
	last := path.Base(pointer)
	if pointer == "" {
		last = strings.TrimSuffix(path.Base(file), path.Ext(file))
	}
	base := notModelKey.ReplaceAllString(last, "")
	if base == "" {
		base = "Model"
	}
	name := base
	for n := 2; p.models.known[name]; n++ {
		name = base + strconv.Itoa(n)
	}
	return name
}

// referredModels writes the models found through references.
func (p *parser) referredModels() {
	for len(p.models.pending) > 0 {
		next := p.models.pending[0]
		p.models.pending = p.models.pending[1:]
		p.addModel(next.name, next.schema, next.schema)
	}
}
