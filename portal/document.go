package portal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/openapi"
)

// consumerDocument writes what a stage does for those who call it: as it is exported, at the
// address that they reach it at, without what is hidden from them and what is nobody's
// business but the gateway's.
func consumerDocument(api *gateway.API, d *gateway.Deployment, p *published) ([]byte, []operation, error) {
	exported, err := export(api, d)
	if err != nil {
		return nil, nil, err
	}
	var document map[string]any
	// Numbers stay as they are written: some have more digits than a float.
	decoder := json.NewDecoder(bytes.NewReader(exported))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return nil, nil, err
	}
	document["servers"] = []any{map[string]any{"url": p.Server}}
	info, _ := document["info"].(map[string]any)
	if info == nil {
		info = map[string]any{}
		document["info"] = info
	}
	info["title"] = p.Title
	if p.Description != "" {
		info["description"] = p.Description
	}
	addWords(document, p.Document)
	withoutExtensions(document)
	operations := keepPublished(document, d, p)
	keepReferred(document)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(true)
	err = encoder.Encode(document)
	return out.Bytes(), operations, err
}

func export(api *gateway.API, d *gateway.Deployment) ([]byte, error) {
	copied := *d
	copied.Title = cmp.Or(d.Title, api.Name)
	var e openapi.Export
	if api.Protocol == gateway.HTTP {
		return openapi.ExportHTTP(openapi.HTTPContent(&copied, api.ID), e)
	}
	content, _, err := openapi.RESTContent(&copied, api.ID)
	if err != nil {
		return nil, err
	}
	return openapi.ExportREST(content, e)
}

// methods are what an OpenAPI document has of a path.
var methods = []string{"get", "post", "put", "patch", "delete", "head", "options", "trace"}

// keepPublished leaves out of a document what is not published, and lists what is. Routes
// that take any method are nothing that a document could have tried out.
func keepPublished(document map[string]any, d *gateway.Deployment, p *published) (operations []operation) {
	routes := make(map[string]*gateway.Route, len(d.Routes))
	for i := range d.Routes {
		routes[d.Routes[i].Key()] = &d.Routes[i]
	}
	paths, _ := document["paths"].(map[string]any)
	for path, item := range paths {
		item, _ := item.(map[string]any)
		for key := range item {
			if key == "parameters" {
				continue
			}
			route := routes[strings.ToUpper(key)+" "+path]
			if !slices.Contains(methods, key) || route == nil || !p.Published(route) {
				delete(item, key)
				continue
			}
			if said := p.Shows(route); said != nil {
				if operation, ok := item[key].(map[string]any); ok {
					addOwnersWords(operation, said)
				}
			}
		}
		left := false
		for _, method := range methods {
			if o, ok := item[method].(map[string]any); ok {
				left = true
				summary, _ := o["summary"].(string)
				name, _ := o["operationId"].(string)
				operations = append(operations, operation{strings.ToUpper(method), path, cmp.Or(summary, name)})
			}
		}
		if !left {
			delete(paths, path)
		}
	}
	addGroups(document, p)
	slices.SortFunc(operations, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(slices.Index(methods, strings.ToLower(a.Method)), slices.Index(methods, strings.ToLower(b.Method))))
	})
	return operations
}

// tryItKey tells the viewer, if it is false, that an operation is not for trying out.
const tryItKey = "x-gatehouse-try-it"

// addOwnersWords adds to an operation what a portal says of it.
func addOwnersWords(operation map[string]any, said *gateway.PortalOperations) {
	if said.Title != "" {
		operation["summary"] = said.Title
	}
	if said.Description != "" {
		operation["description"] = said.Description
	}
	if said.Group != "" {
		operation["tags"] = []any{said.Group}
	}
	if said.Server != "" {
		operation["servers"] = []any{map[string]any{"url": said.Server}}
	}
	if said.ReadOnly {
		operation[tryItKey] = false
	}
}

// addGroups puts the groups of operations in the order that they are shown in, and leaves
// out those that nothing is published of.
func addGroups(document map[string]any, p *published) {
	used := map[string]bool{}
	paths, _ := document["paths"].(map[string]any)
	for _, item := range paths {
		item, _ := item.(map[string]any)
		for _, method := range methods {
			operation, _ := item[method].(map[string]any)
			tags, _ := operation["tags"].([]any)
			for _, tag := range tags {
				used[text(tag)] = true
			}
		}
	}
	var groups []any
	written, _ := document["tags"].([]any)
	taken := map[string]bool{}
	for i := range p.Shown {
		group := p.Shown[i].Group
		if !used[group] || taken[group] {
			continue
		}
		taken[group] = true
		described := slices.IndexFunc(written, func(tag any) bool { return tagName(tag) == group })
		if described >= 0 {
			groups = append(groups, written[described])
		} else {
			groups = append(groups, map[string]any{"name": group})
		}
	}
	for _, tag := range written {
		if name := tagName(tag); used[name] && !taken[name] {
			groups = append(groups, tag)
		}
	}
	delete(document, "tags")
	if len(groups) > 0 {
		document["tags"] = groups
	}
}

func tagName(tag any) string {
	object, _ := tag.(map[string]any)
	return text(object["name"])
}

// named are the keys below which keys are names that somebody chose, and data those below
// which anything may stand.
var (
	named = []string{
		"properties", "patternProperties", "headers", "schemas", "responses", "parameters", "examples", "requestBodies",
		"securitySchemes", "links", "callbacks", "mapping", "scopes", "variables", "encoding", "content", "$defs", "dependentSchemas",
	}
	data = []string{"example", "default", "enum", "const", "value", "security"}
)

// withoutExtensions takes out at any depth what is not OpenAPI's own: it is for gateways and
// other tools, and nobody's business.
func withoutExtensions(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			switch {
			case strings.HasPrefix(strings.ToLower(key), "x-"):
				delete(v, key)
			case slices.Contains(data, key):
			case slices.Contains(named, key):
				withoutExtensionsBelow(child)
			default:
				withoutExtensions(child)
			}
		}
	case []any:
		for _, child := range v {
			withoutExtensions(child)
		}
	}
}

func withoutExtensionsBelow(names any) {
	switch names := names.(type) {
	case map[string]any:
		for _, child := range names {
			withoutExtensions(child)
		}
	case []any:
		withoutExtensions(names)
	}
}

// keepReferred leaves out the components that nothing refers to which is published.
func keepReferred(document map[string]any) {
	components, _ := document["components"].(map[string]any)
	if components == nil {
		return
	}
	kept := map[string]bool{}
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && !kept[ref] {
				kept[ref] = true
				follow(referred(components, ref))
			}
			for _, child := range v {
				follow(child)
			}
		case []any:
			for _, child := range v {
				follow(child)
			}
		}
	}
	follow(document["paths"])
	secured := map[string]bool{}
	schemesOf(document["security"], secured)
	paths, _ := document["paths"].(map[string]any)
	for _, item := range paths {
		item, _ := item.(map[string]any)
		for _, method := range methods {
			if o, ok := item[method].(map[string]any); ok {
				schemesOf(o["security"], secured)
			}
		}
	}
	for kind, all := range components {
		all, _ := all.(map[string]any)
		for name := range all {
			wanted := kept["#/components/"+kind+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name)]
			if kind == "securitySchemes" {
				wanted = secured[name]
			}
			if !wanted {
				delete(all, name)
			}
		}
		if len(all) == 0 {
			delete(components, kind)
		}
	}
	if len(components) == 0 {
		delete(document, "components")
	}
}

func schemesOf(security any, names map[string]bool) {
	list, _ := security.([]any)
	for _, one := range list {
		one, _ := one.(map[string]any)
		for name := range one {
			names[name] = true
		}
	}
}

// referred is what a reference within a document leads to, or nil.
func referred(components map[string]any, ref string) any {
	path, ok := strings.CutPrefix(ref, "#/components/")
	if !ok {
		return nil
	}
	kind, name, _ := strings.Cut(path, "/")
	all, _ := components[kind].(map[string]any)
	return all[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
}
