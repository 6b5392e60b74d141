package translator

import (
	"slices"
	"strings"

	"gatehouse/gateway"
)

// A mappingTarget is the parsed key of an HTTP API mapping: op:kind.name.
type mappingTarget struct{ op, kind, name string }

func parseTarget(key string) (mappingTarget, bool) {
	op, rest, ok := strings.Cut(key, ":")
	kind, name, named := strings.Cut(rest, ".")
	t := mappingTarget{op, kind, name}
	switch kind {
	case "header", "querystring":
		return t, ok && named && name != "" && slices.Contains([]string{"append", "overwrite", "remove"}, op)
	case "path", "statuscode":
		return t, ok && !named && op == "overwrite"
	}
	return t, false
}

// luaOps names the operations as mapping.lua does.
var luaOps = map[string]string{"append": "append", "overwrite": "set", "remove": "remove"}

// httpRequest compiles the request mappings of an HTTP API.
func (c *stageCompiler) httpRequest(r *parsedRoute, p *program) {
	var headers, query []any
	for _, m := range r.Integration.RequestParameters {
		target, ok := parseTarget(m.Target)
		if !ok || target.kind == "statuscode" {
			c.errorf("invalid-mapping", m.Pos, "write append:, overwrite: or remove: before header.NAME or querystring.NAME, or overwrite:path",
				"%q is not a target of a request mapping", m.Target)
			continue
		}
		change, ok := c.httpChange(r, target, m, p, false)
		if !ok {
			continue
		}
		switch target.kind {
		case "header":
			if change["name"] != "host" {
				headers = append(headers, change)
				break
			}
			if p.host, ok = change["parts"].([]any); !ok || target.op != "overwrite" {
				c.errorf("invalid-mapping", m.Pos, "write overwrite:header.host", "the Host header can only be overwritten")
			}
		case "querystring":
			query = append(query, change)
		case "path":
			p.request["path"] = change["parts"]
			p.request["base_length"] = float64(len(c.base))
		}
	}
	if len(headers) > 0 {
		p.request["headers"] = headers
	}
	if len(query) > 0 {
		p.request["query"] = query
	}
}

func (c *stageCompiler) httpChange(r *parsedRoute, target mappingTarget, m gateway.ParameterMapping, p *program, response bool) (map[string]any, bool) {
	if target.kind == "header" && gateway.ReservedHeader(target.name) {
		c.errorf("reserved-header", m.Pos, "", "the header %s is reserved and cannot be mapped", target.name)
		return nil, false
	}
	name := target.name
	if target.kind == "header" {
		name = strings.ToLower(name)
	}
	change := map[string]any{"op": luaOps[target.op], "name": name}
	if target.op == "remove" {
		return change, true
	}
	value, err := gateway.ParseHTTPValue(m.Source)
	if err != nil {
		c.errorf("invalid-mapping", m.Pos, "", "%v", err)
		return nil, false
	}
	parts, ok := c.parts(r, value, m.Pos, p, response)
	change["parts"] = parts
	if slices.ContainsFunc(value, func(e gateway.Expression) bool { return e.Kind == gateway.RequestPath && e.Name == "" }) {
		p.request["base_length"] = float64(len(c.base))
	}
	return change, ok
}

// httpResponses compiles the response mappings of an HTTP API, by backend status.
func (c *stageCompiler) httpResponses(r *parsedRoute, p *program) {
	selected := map[string]any{}
	var rules []any
	for _, status := range r.Integration.ResponseParameters {
		rule := map[string]any{}
		var headers []any
		for _, m := range status.Mappings {
			target, ok := parseTarget(m.Target)
			if !ok || target.kind == "querystring" || target.kind == "path" {
				c.errorf("invalid-mapping", m.Pos, "write append:, overwrite: or remove: before header.NAME, or overwrite:statuscode",
					"%q is not a target of a response mapping", m.Target)
				continue
			}
			if target.kind == "statuscode" {
				if code, ok := c.statusCode(m); ok {
					rule["status"] = code
				}
				continue
			}
			if change, ok := c.httpChange(r, target, m, p, true); ok {
				headers = append(headers, change)
			}
		}
		if len(headers) > 0 {
			rule["headers"] = headers
		}
		rules = append(rules, rule)
		selected[status.StatusCode] = float64(len(rules))
	}
	if len(rules) > 0 {
		p.response["select"] = selected
		p.response["rules"] = rules
	}
}

// statusCode is the value of overwrite:statuscode: a number, written or by a stage
// variable.
func (c *stageCompiler) statusCode(m gateway.ParameterMapping) (string, bool) {
	value, err := gateway.ParseHTTPValue(m.Source)
	if err == nil {
		for i, e := range value {
			if e.Kind == gateway.StageVariable {
				value[i] = gateway.Expression{Kind: gateway.Literal, Name: c.variables[e.Name]}
			}
		}
		if code, ok := value.Literal(); ok && statusPattern.MatchString(code) {
			return code, true
		}
	}
	c.errorf("invalid-mapping", m.Pos, "write a number from 200 to 599", "overwrite:statuscode cannot be %q", m.Source)
	return "", false
}
