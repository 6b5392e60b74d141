package restapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/management/restjson"
)

// patchOperation is one change of an update (AWS: PatchOperation).
type patchOperation struct {
	Op    string  `json:"op"`
	Path  *string `json:"path"`
	From  string  `json:"from"`
	Value *string `json:"value"`
}

// text is the value, empty without one.
func (o patchOperation) text() string {
	if o.Value == nil {
		return ""
	}
	return *o.Value
}

func (o patchOperation) path() string {
	if o.Path == nil {
		return "null"
	}
	return *o.Path
}

// maxPatchOperations bounds an update; the largest use of it is a stage with settings
// of many methods.
const maxPatchOperations = 2000

// patchOperations reads the changes of a call.
func patchOperations(c *restjson.Call) ([]patchOperation, error) {
	var body struct {
		PatchOperations []patchOperation `json:"patchOperations"`
	}
	if err := c.Decode(&body); err != nil {
		return nil, err
	}
	if len(body.PatchOperations) > maxPatchOperations {
		return nil, restjson.BadRequest("%d patch operations are more than %d", len(body.PatchOperations), maxPatchOperations)
	}
	var p problems
	for i, o := range body.PatchOperations {
		member := fmt.Sprintf("%sInput.patchOperations.%d.member.op", strings.ToLower(c.Operation[:1])+c.Operation[1:], i+1)
		p.require(member, o.Op)
		p.enum(member, o.Op, "add", "remove", "move", "test", "replace", "copy")
	}
	if len(p.constraints) > 0 {
		return nil, validationError("%s", p.text())
	}
	return body.PatchOperations, nil
}

// patchRule is a place of a document that may be patched.
type patchRule[T any] struct {
	// path is a JSON pointer; a segment {} stands for any, which apply gets.
	path string
	// ops are those that are possible there.
	ops string
	// apply makes the change. The names are what the segments {} stood for, unescaped.
	apply func(doc *T, o patchOperation, names []string) error
}

// Sets of operations.
const (
	opReplace          = "replace"
	opAddRemove        = "add remove"
	opAddRemoveReplace = "add remove replace"
)

// patchStyle is how a kind of document refuses what cannot be patched: Amazon's texts
// differ by kind.
type patchStyle int

const (
	// pathsListed tells which paths there are.
	pathsListed patchStyle = iota
	// pathOnly tells the path only.
	pathOnly
)

// applyPatch makes the changes in their order. The document is half changed when there
// is an error: it is not to be kept then.
func applyPatch[T any](doc *T, operations []patchOperation, style patchStyle, rules []patchRule[T]) error {
	for _, o := range operations {
		rule, names, ok := findRule(rules, o)
		switch {
		case !ok && style == pathOnly:
			return restjson.BadRequest("Invalid patch path %s", o.path())
		case !ok:
			paths := make([]string, 0, len(rules))
			for _, r := range rules {
				paths = append(paths, r.path)
			}
			slices.Sort(paths)
			return restjson.BadRequest("Invalid patch path  '%s' specified for op '%s'. Must be one of: [%s]", o.path(), o.Op, strings.Join(paths, ", "))
		case !slices.Contains(strings.Fields(rule.ops), o.Op) && style == pathsListed:
			return restjson.BadRequest("Invalid patch path  '%s' specified for op '%s'. Please choose supported operations", o.path(), o.Op)
		case !slices.Contains(strings.Fields(rule.ops), o.Op):
			ops := strings.Fields(rule.ops)
			if len(ops) == 1 {
				return restjson.BadRequest("Invalid patch operation specified. Must be one of: [%s]", ops[0])
			}
			return restjson.BadRequest("Invalid patch operation specified. Must be '%s'", strings.Join(ops, "'|'"))
		}
		if err := rule.apply(doc, o, names); err != nil {
			return err
		}
	}
	return nil
}

func findRule[T any](rules []patchRule[T], o patchOperation) (*patchRule[T], []string, bool) {
	if o.Path == nil || !strings.HasPrefix(*o.Path, "/") {
		return nil, nil, false
	}
	segments := strings.Split((*o.Path)[1:], "/")
	for i := range rules {
		pattern := strings.Split(rules[i].path[1:], "/")
		if len(pattern) != len(segments) {
			continue
		}
		var names []string
		matches := true
		for j, p := range pattern {
			if p == "{}" {
				name := unescapePointer(segments[j])
				names = append(names, name)
				matches = matches && name != ""
			} else {
				matches = matches && p == segments[j]
			}
		}
		if matches {
			return &rules[i], names, true
		}
	}
	return nil, nil, false
}

// unescapePointer reads a segment of a JSON pointer (RFC 6901, section 4).
func unescapePointer(segment string) string {
	return strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
}

// patchText changes a text; removing it empties it.
func patchText[T any](field func(*T) *string) func(*T, patchOperation, []string) error {
	return func(doc *T, o patchOperation, _ []string) error {
		if *field(doc) = o.text(); o.Op == "remove" {
			*field(doc) = ""
		}
		return nil
	}
}

// patchChoice changes a text that is one of few.
func patchChoice[T any](field func(*T) *string, what string, choices ...string) func(*T, patchOperation, []string) error {
	return func(doc *T, o patchOperation, _ []string) error {
		if !slices.Contains(choices, o.text()) {
			return restjson.BadRequest("Invalid %s specified. Valid options are %s", what, strings.Join(choices, ","))
		}
		*field(doc) = o.text()
		return nil
	}
}

// patchBool changes a boolean. What is no boolean is false, as with Amazon.
func patchBool[T any](field func(*T) *bool) func(*T, patchOperation, []string) error {
	return func(doc *T, o patchOperation, _ []string) error {
		*field(doc) = strings.EqualFold(o.text(), "true")
		return nil
	}
}

// patchMap changes the entries of a map of texts, by the name that is a path's last
// segment. Removing what is not there is refused with absent, which may have a %s.
func patchMap[T any](field func(*T) *map[string]string, absent string) func(*T, patchOperation, []string) error {
	return func(doc *T, o patchOperation, names []string) error {
		return changeEntry(field(doc), o, names[len(names)-1], o.text(), absent)
	}
}

// patchFlags is patchMap for booleans.
func patchFlags[T any](field func(*T) *map[string]bool, absent string) func(*T, patchOperation, []string) error {
	return func(doc *T, o patchOperation, names []string) error {
		return changeEntry(field(doc), o, names[len(names)-1], strings.EqualFold(o.text(), "true"), absent)
	}
}

func changeEntry[V any](entries *map[string]V, o patchOperation, name string, value V, absent string) error {
	if o.Op == "remove" {
		if _, ok := (*entries)[name]; !ok {
			return restjson.NotFound("%s", cmp.Or(absent, "Invalid parameter name specified"))
		}
		delete(*entries, name)
		return nil
	}
	if *entries == nil {
		*entries = map[string]V{}
	}
	(*entries)[name] = value
	return nil
}

// patchSet changes a list whose members are added and removed by their own text, which
// is the value of the operation, or the last segment of its path.
func patchSet[T any](field func(*T) *[]string) func(*T, patchOperation, []string) error {
	return func(doc *T, o patchOperation, names []string) error {
		list := field(doc)
		member := o.text()
		if len(names) > 0 {
			member = names[len(names)-1]
		}
		at := slices.Index(*list, member)
		switch {
		case o.Op == "add" && at < 0:
			*list = append(*list, member)
		case o.Op == "remove" && at < 0:
			return restjson.NotFound("Invalid parameter name specified")
		case o.Op == "remove":
			*list = slices.Delete(*list, at, at+1)
		case o.Op == "replace" && at < 0:
			return restjson.NotFound("Invalid parameter name specified")
		case o.Op == "replace" && o.Value != nil && len(names) > 0:
			(*list)[at] = *o.Value
		}
		return nil
	}
}

// number reads a number of a patch.
func number(o patchOperation) (float64, error) {
	n, err := strconv.ParseFloat(o.text(), 64)
	if err != nil || n != n {
		return 0, restjson.BadRequest("Invalid value '%s' specified for %s: a number is expected", o.text(), o.path())
	}
	return n, nil
}

// whole reads a whole number of a patch.
func whole(o patchOperation) (int, error) {
	n, err := strconv.Atoi(o.text())
	if err != nil {
		return 0, restjson.BadRequest("Invalid value '%s' specified for %s: a whole number is expected", o.text(), o.path())
	}
	return n, nil
}

// copyOf is a document that shares nothing with another.
func copyOf[T any](doc T) (T, error) {
	var out T
	data, err := json.Marshal(doc)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}
