package source

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

const (
	// maxDepth bounds nesting; deeper documents are mistakes or attacks.
	maxDepth = 100
	// maxExpansion bounds the nodes a document may have once its aliases are
	// followed, as a multiple of the nodes written (plus a floor).
	maxExpansion      = 20
	maxExpansionFloor = 10_000
)

// checkShape refuses, before anything walks the tree, nesting and alias expansion
// beyond any honest document, and tags that stand for somebody's function.
func checkShape(root *yaml.Node) *problem {
	c := shapeCheck{measured: map[*yaml.Node]shape{}, open: map[*yaml.Node]bool{}}
	size := c.measure(root, 0).size
	if c.found != nil {
		return c.found
	}
	if limit := max(maxExpansionFloor, maxExpansion*c.written); size > limit {
		return errorf("alias-bomb", placeOf(root), "", "aliases expand the document's %d values to more than %d", c.written, limit)
	}
	return nil
}

func placeOf(n *yaml.Node) gateway.Position { return gateway.Position{Line: n.Line, Column: n.Column} }

func tooDeep(pos gateway.Position) *problem {
	return errorf("too-deep", pos, "", "values are nested more than %d levels deep", maxDepth)
}

// A shape is how many values a value has, itself included, and on how many levels,
// with aliases followed.
type shape struct{ size, levels int }

type shapeCheck struct {
	measured map[*yaml.Node]shape
	open     map[*yaml.Node]bool
	written  int
	found    *problem
}

// measure walks what is written once; aliases count as what they stand for.
func (c *shapeCheck) measure(n *yaml.Node, depth int) shape {
	at := n
	if n.Kind == yaml.AliasNode {
		if c.open[n.Alias] {
			c.found = errorf("alias-cycle", placeOf(n), "", "the alias *%s refers to a value that contains it", n.Value)
			return shape{}
		}
		n = n.Alias
	}
	s, known := c.measured[n]
	if depth+s.levels > maxDepth {
		c.found = tooDeep(placeOf(at))
		return shape{}
	}
	if known {
		return s
	}
	c.written++
	if c.found = foreignTag(n); c.found != nil {
		return shape{}
	}
	s = shape{size: 1, levels: 1}
	if len(n.Content) == 0 {
		return s
	}
	c.open[n] = true
	for _, child := range n.Content {
		below := c.measure(child, depth+1)
		if c.found != nil {
			return shape{}
		}
		s.size = min(s.size+below.size, 1<<40)
		s.levels = max(s.levels, below.levels+1)
	}
	delete(c.open, n)
	c.measured[n] = s
	return s
}

const cloudFormationHint = "CloudFormation's functions work only there: write the value itself, or export the deployed API"

// foreignTag reports a tag outside of YAML's core schema. CloudFormation's !Sub and
// !Ref are the usual ones: read as plain text, they would mean something else.
func foreignTag(n *yaml.Node) *problem {
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!merge", "!!timestamp":
		return nil
	default:
		hint := ""
		if !strings.HasPrefix(tag, "!!") {
			hint = cloudFormationHint
		}
		return errorf("unsupported-tag", placeOf(n), hint, "the YAML tag %s is not supported", tag)
	}
}
