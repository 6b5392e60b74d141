package restapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/management/restjson"
)

// halType is the media type of answers with links (Hypertext Application Language), which
// Amazon's service sends to who asks for it. The SDKs don't.
const halType = "application/hal+json"

// wantsHAL reports whether a caller asks for links.
func wantsHAL(r *http.Request) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(r.Header.Values("Accept"), ","), ","), func(accepted string) bool {
		name, _, _ := strings.Cut(accepted, ";")
		return strings.EqualFold(strings.TrimSpace(name), halType)
	})
}

// recorder keeps an answer until its links are known.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header            { return r.header }
func (r *recorder) WriteHeader(status int)         { r.status = status }
func (r *recorder) Write(data []byte) (int, error) { return r.body.Write(data) }

// serveHAL answers a call with links. Errors have none.
func (s *Service) serveHAL(w http.ResponseWriter, r *http.Request) {
	answer := &recorder{header: w.Header(), status: http.StatusOK}
	s.handler.ServeHTTP(answer, r)
	body := answer.body.Bytes()
	var doc map[string]json.RawMessage
	if answer.status < 300 && json.Unmarshal(body, &doc) == nil && doc != nil {
		if linked, err := json.Marshal(s.linked(r, doc)); err == nil {
			body = linked
			w.Header().Set("Content-Type", halType)
		}
	}
	w.WriteHeader(answer.status)
	// A caller that has gone away is no problem of ours.
	_, _ = w.Write(body)
}

// link is where something is.
type link struct {
	Href string `json:"href"`
}

// linked puts links into an answer: of a list, to its items and to its next page; of a
// document, to what can be done with it and what belongs to it, which the table of
// operations says.
func (s *Service) linked(r *http.Request, doc map[string]json.RawMessage) map[string]any {
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	out := map[string]any{}
	for name, value := range doc {
		out[name] = value
	}
	var items []map[string]json.RawMessage
	if doc["item"] == nil || json.Unmarshal(doc["item"], &items) != nil {
		out["_links"] = s.links(selfOf(r.Method, path, doc))
		return out
	}
	links := s.links(path)
	embedded := make([]map[string]any, 0, len(items))
	hrefs := make([]link, 0, len(items))
	for _, item := range items {
		document := map[string]any{}
		for name, value := range item {
			document[name] = value
		}
		if self, ok := itemOf(path, item); ok {
			document["_links"] = s.links(self)
			hrefs = append(hrefs, link{self})
		}
		embedded = append(embedded, document)
	}
	links["item"] = hrefs
	var position string
	if json.Unmarshal(doc["position"], &position) == nil && position != "" {
		query := r.URL.Query()
		query.Set("position", position)
		links["next"] = link{path + "?" + query.Encode()}
	}
	delete(out, "item")
	out["_links"], out["_embedded"] = links, map[string]any{"item": embedded}
	return out
}

// selfOf is where a document is that a call answers: what is made in a folder is below it.
func selfOf(method, path string, doc map[string]json.RawMessage) string {
	if method != http.MethodPost {
		return path
	}
	// A resource is made by its parent's path.
	if parent := strings.LastIndex(path, "/"); strings.HasSuffix(path[:max(parent, 0)], "/resources") {
		path = path[:parent]
	}
	if self, ok := itemOf(path, doc); ok {
		return self
	}
	return path
}

// itemNames are the members that name documents, where it is not their id.
var itemNames = map[string]string{
	"models": "name", "stages": "stageName", "gatewayresponses": "responseType", "versions": "version",
	"domainnames": "domainName", "basepathmappings": "basePath", "clientcertificates": "clientCertificateId",
}

// itemOf is where a document of a folder is.
func itemOf(folder string, doc map[string]json.RawMessage) (string, bool) {
	member, ok := itemNames[folder[strings.LastIndex(folder, "/")+1:]]
	if !ok {
		member = "id"
	}
	var name string
	if json.Unmarshal(doc[member], &name) != nil || name == "" {
		return "", false
	}
	return folder + "/" + url.PathEscape(name), true
}

// actions are the names of what operations do to what is at their path, by method.
var actions = map[string]string{http.MethodPost: "create", http.MethodPatch: "update", http.MethodPut: "put", http.MethodDelete: "delete"}

// links are those of what is at a path.
func (s *Service) links(path string) map[string]any {
	links := map[string]any{"self": link{path}}
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for _, o := range s.linkable {
		pattern := strings.Split(strings.Trim(o.Path, "/"), "/")
		if len(pattern) < len(segments) || len(pattern) > len(segments)+1 || !matchesPattern(pattern, segments) {
			continue
		}
		// The kind is the last name in the path: a method of a resource is a "method".
		kind := ""
		for _, segment := range pattern[:len(segments)] {
			if !strings.HasPrefix(segment, "{") {
				kind = strings.TrimSuffix(segment, "s")
			}
		}
		last := pattern[len(pattern)-1]
		switch {
		case len(pattern) == len(segments) && actions[o.Method] != "":
			links[kind+":"+actions[o.Method]] = link{path}
		case len(pattern) > len(segments) && o.Method == http.MethodGet && !strings.HasPrefix(last, "{"):
			links[kind+":"+last] = link{path + "/" + last}
		}
	}
	return links
}

// matchesPattern reports whether a path is as a pattern begins.
func matchesPattern(pattern, segments []string) bool {
	for i, segment := range segments {
		if p := pattern[i]; p != segment && !strings.HasPrefix(p, "{") {
			return false
		}
	}
	return true
}

// linkable are the operations that links may lead to: those that there are, and that need
// nothing but a path.
func linkable(operations []restjson.Operation) []restjson.Operation {
	return slices.DeleteFunc(slices.Clone(operations), func(o restjson.Operation) bool {
		return o.Unsupported != "" || o.Query != ""
	})
}
