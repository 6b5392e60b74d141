package explain

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/nearest"
)

// nearestRoutes tells why no route takes a request: other methods that its path has, or a path
// that is much like it.
func nearestRoutes(d *gateway.Deployment, method, path string) string {
	var methods, like []string
	for i := range d.Routes {
		r := &d.Routes[i]
		t, err := gateway.ParsePath(r.Path)
		if err != nil || r.Path == gateway.DefaultRoute {
			continue
		}
		switch {
		case takes(t, path, d.Protocol == gateway.REST):
			methods = append(methods, r.Method)
		case similar(t, path):
			like = append(like, r.Key())
		}
	}
	slices.Sort(methods)
	switch {
	case len(methods) > 0:
		return fmt.Sprintf("; the path is there for %s", strings.Join(slices.Compact(methods), ", "))
	case len(like) > 0:
		return "; much like it are " + strings.Join(like[:min(len(like), 3)], ", ")
	}
	return ""
}

// takes reports whether a template has a place for a path.
func takes(t gateway.PathTemplate, path string, looseSlash bool) bool {
	if looseSlash && !t.Greedy() {
		path = strings.TrimSuffix(path, "/")
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if strings.Trim(path, "/") == "" {
		parts = nil
	}
	if len(parts) < len(t) || len(parts) > len(t) && !t.Greedy() {
		return false
	}
	for i, s := range t {
		if s.Variable == "" && s.Literal != parts[i] || s.Variable != "" && parts[i] == "" {
			return false
		}
	}
	return true
}

// similar reports whether a path is as long as a template, and each of its segments is the
// template's, or nearly so.
func similar(t gateway.PathTemplate, path string) bool {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) != len(t) {
		return false
	}
	for i, s := range t {
		if s.Variable == "" && s.Literal != parts[i] && nearest.Of(parts[i], []string{s.Literal}) == "" {
			return false
		}
	}
	return true
}
