package openapi

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/source"
)

const (
	// maxRefChain bounds how many references lead to one value.
	maxRefChain = 100
	// References multiply a document as aliases do. All values read through them
	// together may have this many nodes, plus a multiple of those written.
	refNodesFloor  = 200_000
	refNodesFactor = 10
	// maxDocuments bounds the files that references open: through a symbolic link
	// one file has endlessly many paths.
	maxDocuments = 1000
)

// references resolves $ref: local JSON pointers and other files.
type references struct {
	open func(ref string) (*source.Document, error)
	// documents are the files opened so far by path, or why they could not be.
	documents map[string]opened
	// paths are the paths of the documents, the first one's being empty.
	paths map[*source.Document]string
	// objects and lists index the containers that references lead through: they
	// all pass the same few, which may be large.
	objects map[*yaml.Node]*source.Object
	lists   map[*yaml.Node][]source.Value
	// sizes of the values referred to, in nodes.
	sizes map[*yaml.Node]int
	// budget is how many nodes may still be read through references.
	budget int
}

type opened struct {
	doc *source.Document
	err error
}

func newReferences(doc *source.Document, open func(string) (*source.Document, error)) references {
	r := references{
		open:      open,
		documents: map[string]opened{},
		paths:     map[*source.Document]string{doc: ""},
		objects:   map[*yaml.Node]*source.Object{},
		lists:     map[*yaml.Node][]source.Value{},
		sizes:     map[*yaml.Node]int{},
	}
	r.budget = refNodesFloor + refNodesFactor*countNodes(doc.Root().Node())
	return r
}

// follow gives what v refers to by $ref, or v itself when it is no reference. The
// result is false when that has been reported as a mistake.
func (p *parser) follow(v source.Value, at *place) (source.Value, bool) {
	var seen []*yaml.Node
	for isReference(v) {
		o := v.Object()
		ref := o.Get("$ref")
		switch {
		case slices.Contains(seen, v.Node()):
			ref.Errorf("cyclic-ref", "", "the reference %s leads back to itself", ref.Raw())
			return v, false
		case len(seen) == maxRefChain:
			ref.Errorf("cyclic-ref", "", "the reference %s leads through more than %d others", ref.Raw(), maxRefChain)
			return v, false
		}
		seen = append(seen, v.Node())
		p.refSiblings(o, at)
		target, ok := p.resolve(ref)
		if !ok {
			return v, false
		}
		if p.refs.budget -= p.refs.size(target.Node()); p.refs.budget < 0 {
			ref.Errorf("ref-expansion", "", "references expand the document to more than it is allowed to grow")
			return v, false
		}
		v = target
	}
	return v, true
}

// isReference looks for $ref without building an index of the object: nearly
// everything asked about is no reference.
func isReference(v source.Value) bool {
	n := v.Node()
	if n == nil || n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "$ref" {
			return true
		}
	}
	return false
}

// refSiblings reports keys beside $ref, which have no effect. OpenAPI leaves
// operations beside a path item's $ref undefined, so there they are errors.
func (p *parser) refSiblings(o *source.Object, at *place) {
	for _, e := range o.Unread() {
		switch {
		case e.Key == "summary" || e.Key == "description":
		case at == atPathItem:
			e.KeyValue.Errorf("ref-siblings", "move it into the path item that is referred to", "%q beside $ref would have no effect", e.Key)
		case !strings.HasPrefix(e.Key, "x-") || strings.HasPrefix(e.Key, extPrefix):
			e.KeyValue.Warnf("ref-siblings", "", "%q beside $ref has no effect", e.Key)
		}
	}
}

// resolve gives the value that the text of a $ref points to; a dangling one is
// reported at the $ref.
func (p *parser) resolve(ref source.Value) (source.Value, bool) {
	if !ref.IsString() {
		ref.Errorf("wrong-type", `such as "#/components/parameters/limit"`, "%s must be a reference", ref.Path())
		return ref, false
	}
	file, pointer, _ := strings.Cut(ref.Raw(), "#")
	doc := ref.Document()
	if file != "" {
		var ok bool
		if doc, ok = p.openReference(ref, file); !ok {
			return ref, false
		}
	}
	target, missing, ok := p.refs.lookup(doc.Root(), pointer)
	if !ok {
		ref.Errorf("dangling-ref", p.suggestSibling(missing), "the reference %s points to nothing", ref.Raw())
	}
	return target, ok
}

// openReference opens the file of a $ref once.
func (p *parser) openReference(ref source.Value, file string) (*source.Document, bool) {
	if p.refs.open == nil {
		ref.Errorf("external-ref", "", "the reference %s leads to another file, which is not allowed here", ref.Raw())
		return nil, false
	}
	if strings.Contains(file, "://") {
		ref.Errorf("external-ref", "save it as a file beside the document, and refer to that", "the reference %s leads to another server, which is not asked", ref.Raw())
		return nil, false
	}
	name := file
	if from := p.refs.paths[ref.Document()]; from != "" && !path.IsAbs(file) {
		name = path.Join(path.Dir(from), file)
	}
	o, known := p.refs.documents[name]
	if !known && len(p.refs.documents) == maxDocuments {
		ref.Errorf("ref-expansion", "", "references lead to more than %d files", maxDocuments)
		return nil, false
	}
	if !known {
		o.doc, o.err = p.refs.open(name)
		p.refs.documents[name] = o
		if o.err == nil {
			p.refs.paths[o.doc] = name
		}
	}
	if o.err != nil {
		ref.Errorf("dangling-ref", "", "the file of the reference %s cannot be read: %v", ref.Raw(), o.err)
	}
	return o.doc, o.err == nil
}

// missed is where a JSON pointer went astray: the container lacks the token.
type missed struct {
	container source.Value
	token     string
}

// suggestSibling offers the key of the container whose name is nearest.
func (p *parser) suggestSibling(m missed) string {
	if !m.container.IsObject() || p.hintEffort < 0 {
		return ""
	}
	var names []string
	for _, e := range p.refs.object(m.container).Entries() {
		names = append(names, e.Key)
	}
	return p.didYouMean(m.token, names)
}

// lookup walks a JSON pointer (RFC 6901, in a URI fragment) from a value.
func (r *references) lookup(from source.Value, pointer string) (source.Value, missed, bool) {
	if pointer == "" {
		return from, missed{}, true
	}
	if unescaped, err := url.PathUnescape(pointer); err == nil {
		pointer = unescaped
	}
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return from, missed{container: from, token: pointer}, false
	}
	v := from
	for token := range strings.SplitSeq(rest, "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		next := r.child(v, token)
		if !next.Exists() {
			return from, missed{container: v, token: token}, false
		}
		v = next
	}
	return v, missed{}, true
}

func (r *references) child(v source.Value, token string) source.Value {
	switch {
	case v.IsObject():
		return r.object(v).Get(token)
	case v.IsList():
		items, ok := r.lists[v.Node()]
		if !ok {
			items = v.List()
			r.lists[v.Node()] = items
		}
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(items) {
			return items[i]
		}
	}
	return source.Value{}
}

func (r *references) object(v source.Value) *source.Object {
	o, ok := r.objects[v.Node()]
	if !ok {
		o = v.Object()
		r.objects[v.Node()] = o
	}
	return o
}

func (r *references) size(n *yaml.Node) int {
	size, ok := r.sizes[n]
	if !ok {
		size = countNodes(n)
		r.sizes[n] = size
	}
	return size
}

// countNodes counts the nodes of a value, aliases followed; package source has
// made sure that these are few.
func countNodes(n *yaml.Node) int {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	count := 1
	for _, child := range n.Content {
		count += countNodes(child)
	}
	return count
}
