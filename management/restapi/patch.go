package restapi

import (
	"fmt"
	"strings"

	"gatehouse/management/restjson"
)

// maxPatches bounds the operations of one patch.
const maxPatches = 1000

// patchOperation is one change of a patch. A value is always a text; nil when none was
// given.
type patchOperation struct {
	Op    string  `json:"op"`
	Path  string  `json:"path"`
	Value *string `json:"value"`
	From  string  `json:"from"`
}

// text is the value, or nothing.
func (o *patchOperation) text() string {
	if o.Value == nil {
		return ""
	}
	return *o.Value
}

// flag is the value as Amazon reads one: what is not "true" is false.
func (o *patchOperation) flag() bool { return strings.EqualFold(o.text(), "true") }

// segments are those of the path, unescaped.
func (o *patchOperation) segments() []string {
	parts := strings.Split(strings.TrimPrefix(o.Path, "/"), "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts
}

var patchOps = []string{"add", "remove", "replace", "move", "copy", "test"}

// patchesOf reads the body of a call that updates.
func patchesOf(c *restjson.Call) ([]patchOperation, error) {
	var body struct {
		PatchOperations []patchOperation `json:"patchOperations"`
	}
	if err := c.Decode(&body); err != nil {
		return nil, err
	}
	if len(body.PatchOperations) > maxPatches {
		return nil, restjson.BadRequest("A patch has at most %d operations; this one has %d", maxPatches, len(body.PatchOperations))
	}
	var p problems
	for i, o := range body.PatchOperations {
		p.enum(fmt.Sprintf("updateInput.patchOperations.%d.member.op", i+1), o.Op, patchOps...)
	}
	return body.PatchOperations, p.err()
}

// patchRule is what may be patched of a document.
type patchRule struct {
	path string
	// ops are those that it takes, with commas between.
	ops   string
	apply func(*patchOperation) error
}

// setText makes a rule's apply that sets a text; removing makes it empty.
func setText(into *string) func(*patchOperation) error {
	return func(o *patchOperation) error {
		*into = o.text()
		if o.Op == "remove" {
			*into = ""
		}
		return nil
	}
}

// applyPatches makes the changes in their order. What a path is, and what may be done at
// it, is told in the words that Amazon has for simple resources.
func applyPatches(operations []patchOperation, rules ...patchRule) error {
	for i := range operations {
		o := &operations[i]
		rule, err := ruleOf(o, rules)
		if err != nil {
			return err
		}
		if err := rule.apply(o); err != nil {
			return err
		}
	}
	return nil
}

func ruleOf(o *patchOperation, rules []patchRule) (*patchRule, error) {
	var possible []string
	for i := range rules {
		takes := strings.Contains(","+rules[i].ops+",", ","+o.Op+",")
		if takes && rules[i].path == o.Path {
			return &rules[i], nil
		}
		if takes {
			possible = append(possible, rules[i].path)
		}
	}
	if len(possible) == 0 {
		return nil, restjson.BadRequest("Invalid patch path  '%s' specified for op '%s'. Please choose supported operations", o.Path, o.Op)
	}
	return nil, restjson.BadRequest("Invalid patch path  '%s' specified for op '%s'. Must be one of: [%s]", o.Path, o.Op, strings.Join(possible, ", "))
}
