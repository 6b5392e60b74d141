package openapi

import (
	"slices"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// parameter is a declared parameter, or the request body of OpenAPI 2.0.
type parameter struct {
	gateway.Parameter
	// body is the schema of a parameter in: body.
	body source.Value
	// written is the parameter object.
	written source.Value
}

const inBody = "body"

// parameters reads a list of parameters. API Gateway keeps only name, in and
// required of each.
func (p *parser) parameters(item *pathItem, v source.Value) []parameter {
	var out []parameter
	first := map[parameterKey]gateway.Position{}
	for _, written := range v.List() {
		v, ok := p.follow(written, atParameter)
		if !ok {
			continue
		}
		parsed, ok := p.parameter(item, v)
		if !ok {
			continue
		}
		if at, twice := first[parsed.key()]; twice {
			written.Errorf("duplicate-parameter", "", "the parameter %q in %s stands twice; first at %s", parsed.Name, parsed.In, at)
			continue
		}
		first[parsed.key()] = parsed.Source
		out = append(out, parsed)
	}
	return out
}

// parameterKey tells parameters apart. There is one body, whatever its name.
type parameterKey struct{ in, name string }

func (a parameter) key() parameterKey {
	if a.In == inBody {
		return parameterKey{in: inBody}
	}
	return parameterKey{a.In, a.Name}
}

// override lays an operation's parameters over those of its path.
func override(shared, own []parameter) []parameter {
	if len(shared) == 0 || len(own) == 0 {
		return append(slices.Clip(shared), own...)
	}
	overridden := make(map[parameterKey]bool, len(own))
	for _, parsed := range own {
		overridden[parsed.key()] = true
	}
	out := slices.DeleteFunc(slices.Clone(shared), func(s parameter) bool { return overridden[s.key()] })
	return append(out, own...)
}

func (p *parser) parameter(item *pathItem, v source.Value) (parameter, bool) {
	if !p.isObject(v) {
		return parameter{}, false
	}
	o := v.Object()
	name, in := p.requireText(o, "name"), o.Require("in")
	out := parameter{Parameter: gateway.Parameter{Name: name, Required: o.Get("required").Bool(false), Source: v.Pos()}, written: v}
	schema := o.Get("schema")
	p.finish(o, atParameter)
	if name == "" {
		return out, false
	}
	switch location := p.text(in); {
	case location == "path":
		out.In, out.Required = "path", true
		return out, p.pathParameter(item, &out, o)
	case location == "query":
		out.In = "querystring"
	case location == "header":
		out.In = "header"
	case location == "body" && p.dialect == openAPI20:
		out.In, out.body = inBody, schema
	case location == "formData" && p.dialect == openAPI20, location == "cookie" && p.dialect != openAPI20:
		v.Warnf("no-effect", "", "API Gateway has no %s parameters; %q has no effect", location, name)
		return out, false
	default:
		if in.IsScalar() {
			in.Errorf("unknown-value", p.didYouMean(location, []string{"query", "header", "path"}), "a parameter cannot be in %q", location)
		}
		return out, false
	}
	return out, true
}

// pathParameter ties a path parameter to the variable of the path. One of no variable is
// nothing that any request has: AWS takes such documents, and they are deployed.
func (p *parser) pathParameter(item *pathItem, out *parameter, o *source.Object) bool {
	// Some tools write the greedy variable's plus sign here too.
	out.Name = strings.TrimSuffix(out.Name, "+")
	variables := item.template.Variables()
	if !slices.Contains(variables, out.Name) {
		o.Get("name").Warnf("unknown-path-parameter", p.didYouMean(out.Name, variables), "the path %s has no variable {%s}: the parameter has no effect", item.path, out.Name)
		return false
	}
	return true
}

// declare gives the parameters of a route. Every variable of the path is one, as
// AWS adds it, except for a greedy one.
func (item *pathItem) declare(parameters []parameter) []gateway.Parameter {
	var out []gateway.Parameter
	declared := map[string]bool{}
	for _, parsed := range parameters {
		if parsed.In == inBody {
			continue
		}
		out = append(out, parsed.Parameter)
		declared[parsed.Name] = declared[parsed.Name] || parsed.In == "path"
	}
	for _, segment := range item.template {
		if segment.Variable != "" && !segment.Greedy && !declared[segment.Variable] {
			out = append(out, gateway.Parameter{In: "path", Name: segment.Variable, Required: true, Source: item.key.Pos()})
		}
	}
	return out
}
