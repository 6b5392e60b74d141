package restjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// NoEffect is a member that operations keep and tell, and that changes nothing of what is served.
// Callers find it in the documentation, which is made of these, and in the log.
type NoEffect struct {
	// Operations keep it.
	Operations []string
	// Member is where it is in the answer: names with dots between, * for each of a list or a map.
	Member string
	// Asked is how calls name it, where that is not the last name of Member. One that does not name
	// it has not asked for it.
	Asked string
	// About is what a call has to be about (Call.About), where other calls' members have an effect.
	About string
	// Harmless are values that ask for no more than what is so.
	Harmless []string
	// Why says what counts instead.
	Why string
}

// Keeping has calls that store something without an effect told in the log.
func (s *Service) Keeping(members []NoEffect) *Service {
	s.noEffect = map[string][]NoEffect{}
	for _, m := range members {
		for _, o := range m.Operations {
			s.noEffect[o] = append(s.noEffect[o], m)
		}
	}
	return s
}

// tell warns of what a call has stored without an effect.
func (s *Service) tell(o *operation, c *Call, answer []byte) {
	list := s.noEffect[o.Name]
	if len(list) == 0 {
		return
	}
	var document any
	if json.Unmarshal(answer, &document) != nil {
		return
	}
	for _, m := range list {
		asked := m.Asked
		if asked == "" {
			asked = m.Member[strings.LastIndex(m.Member, ".")+1:]
		}
		if m.About != "" && m.About != c.About || !bytes.Contains(c.Body, []byte(asked)) {
			continue
		}
		for _, value := range valuesAt(document, strings.Split(m.Member, ".")) {
			if slices.Contains(m.Harmless, fmt.Sprint(value)) {
				continue
			}
			s.log.Warn("A call has stored what has no effect on what is served.",
				"operation", o.Name, "resource", s.resource(o, c, document), "member", m.Member, "why", m.Why)
			break
		}
	}
}

// valuesAt gives what is at a path of a document, and says something.
func valuesAt(document any, path []string) (found []any) {
	if len(path) == 0 {
		switch v := document.(type) {
		case []any:
			return v
		case map[string]any:
			if len(v) == 0 {
				return nil
			}
		case nil, bool, string, float64:
			if v == nil || v == false || v == "" || v == 0.0 {
				return nil
			}
		}
		return []any{document}
	}
	switch v := document.(type) {
	case []any:
		for _, item := range v {
			if path[0] == "*" {
				found = append(found, valuesAt(item, path[1:])...)
			}
		}
	case map[string]any:
		for name, item := range v {
			if path[0] == "*" || path[0] == name {
				found = append(found, valuesAt(item, path[1:])...)
			}
		}
	}
	return found
}

// resource is the path of what a call has changed or made. What is new has the name that reading
// it takes: {apiId} is the member of this name, {stage_name} is stageName, {restapi_id} the id.
func (s *Service) resource(o *operation, c *Call, document any) string {
	path := c.Request.URL.Path
	members, ok := document.(map[string]any)
	noun, created := strings.CutPrefix(o.Name, "Create")
	if !ok || !created {
		return path
	}
	for _, list := range s.operations {
		for _, get := range list {
			if get.Name != "Get"+noun {
				continue
			}
			variable := strings.Trim(get.segments[len(get.segments)-1], "{}")
			words := strings.Split(variable, "_")
			for i := 1; i < len(words); i++ {
				words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
			}
			for _, name := range []string{strings.Join(words, ""), "id"} {
				if id, ok := members[name].(string); ok {
					return path + "/" + id
				}
			}
		}
	}
	return path
}
