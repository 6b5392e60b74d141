package gateway

import (
	"slices"
	"strings"
)

var methods = append(AnyMethods(), AnyMethod)

// deployment checks the routes of an API against each other.
func (v *validation) deployment(a *API, d *Deployment) {
	if a.Protocol == WebSocket {
		v.webSocket(a, d)
		return
	}
	if len(d.Routes) == 0 {
		pos := d.Source
		if pos.IsZero() {
			pos = a.Source
		}
		v.errorf("no-routes", pos, "", "The %s API %s doesn't contain any methods", a.Protocol, a.ID)
	}
	seen := map[string]Position{}
	paths := map[string]bool{}
	variables := map[string]variableUse{}
	for i := range d.Routes {
		r := &d.Routes[i]
		if !slices.Contains(methods, r.Method) {
			v.errorf("invalid-method", r.Source, "", "%q is not a method that can be routed", r.Method)
		}
		if r.Path == DefaultRoute {
			v.unique(seen, "route", r.Key(), r.Source)
			if a.Protocol == REST {
				v.errorf("default-route", r.Source, "use /{proxy+}", "REST APIs have no $default route")
			}
			continue
		}
		t, err := ParsePath(r.Path)
		if err != nil {
			v.errorf("invalid-path", r.Source, "", "the path %q is not valid: %v", r.Path, err)
			continue
		}
		path := strings.TrimSuffix(r.Path, "/")
		if a.Protocol != REST {
			// Names of variables don't tell HTTP API routes apart.
			path = shape(t)
		}
		v.unique(seen, "route", r.Method+" "+path, r.Source)
		// A path's methods share its variables.
		if a.Protocol == REST && !paths[r.Path] {
			paths[r.Path] = true
			v.siblings(variables, t, r)
		}
	}
}

// A variableUse is the first variable that stands below a resource.
type variableUse struct {
	name string
	pos  Position
}

// siblings reports two variable names below one resource: a resource tree has room
// for one. Greedy and plain variables are siblings, too.
func (v *validation) siblings(first map[string]variableUse, t PathTemplate, r *Route) {
	parent := ""
	for _, s := range t {
		text := s.Literal
		if s.Variable != "" {
			text = "{" + s.Variable + "}"
			if s.Greedy {
				text = "{" + s.Variable + "+}"
			}
			if other, ok := first[parent]; ok && other.name != text {
				v.errorf("sibling-variable", r.Source, "give both the same name; the other is at "+other.pos.String(),
					"A sibling (%s) of this resource already has a variable path part -- only one is allowed", other.name)
			} else if !ok {
				first[parent] = variableUse{text, r.Source}
			}
		}
		parent += "/" + text
	}
}

// shape is a template without the names of its variables.
func shape(t PathTemplate) string {
	anonymous := slices.Clone(t)
	for i := range anonymous {
		if anonymous[i].Variable != "" {
			anonymous[i].Variable = "x"
		}
	}
	return anonymous.String()
}
