package introspection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Answer is what an authorization server says of a token. It is not changed once it
// is made.
type Answer struct {
	// Active tells whether the token is good. If not, the answer has nothing else: what
	// a server says of a bad token, it should not have said.
	Active bool
	// Issuer and ClientID are empty when the answer does not tell.
	Issuer, ClientID string
	// Audience is nil when the answer has none, and not when it has an empty one.
	Audience []string
	Scopes   []string
	// Expires and NotBefore are zero when the answer does not tell.
	Expires, NotBefore time.Time
	// Claims are all members as text, in the way of Amazon's: numbers as they are
	// written, lists as [a b].
	Claims map[string]string
}

// maxMembers bounds the members of an answer, which all become claims.
const maxMembers = 256

// Parse reads an answer. What it makes a decision by has to be of the type that RFC 7662
// gives it; the errors wrap ErrMalformed and repeat nothing of the answer.
func Parse(text []byte) (*Answer, error) {
	members, err := readMembers(text)
	if err != nil {
		return nil, err
	}
	a := &Answer{}
	if err := members.read("active", &a.Active); err != nil {
		return nil, err
	}
	if !members.has("active") {
		return nil, malformed("has no active")
	}
	if !a.Active {
		return &Answer{}, nil
	}
	if err := members.read("iss", &a.Issuer); err != nil {
		return nil, err
	}
	if err := members.read("client_id", &a.ClientID); err != nil {
		return nil, err
	}
	if a.Audience, err = members.texts("aud", func(text string) []string { return []string{text} }); err != nil {
		return nil, err
	}
	for _, name := range []string{"scope", "scp"} {
		scopes, err := members.texts(name, strings.Fields)
		if err != nil {
			return nil, err
		}
		a.Scopes = append(a.Scopes, scopes...)
	}
	if a.Expires, err = members.time("exp"); err != nil {
		return nil, err
	}
	if a.NotBefore, err = members.time("nbf"); err != nil {
		return nil, err
	}
	a.Claims = make(map[string]string, len(members))
	for name, raw := range members {
		if text, ok := claimText(raw); ok {
			a.Claims[name] = text
		}
	}
	for _, name := range []string{"scope", "scp"} {
		// As text they are one, whichever way they were written.
		if scopes, _ := members.texts(name, strings.Fields); len(scopes) > 0 {
			a.Claims[name] = strings.Join(scopes, " ")
		}
	}
	return a, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: it %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// members are those of an object, by their names to the letter.
type members map[string]json.RawMessage

// readMembers insists that no name stands twice: of two answers in one, others might
// see the second.
func readMembers(text []byte) (members, error) {
	if !utf8.Valid(text) {
		return nil, malformed("is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, malformed("is not a JSON object")
	}
	found := members{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, malformed("is not a JSON object")
		}
		key, ok := name.(string)
		if !ok {
			return nil, malformed("is not a JSON object")
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return nil, malformed("is not a JSON object")
		}
		if _, twice := found[key]; twice {
			return nil, malformed("has a member twice")
		}
		if len(found) == maxMembers {
			return nil, malformed("has more than %d members", maxMembers)
		}
		found[key] = raw
	}
	// The closing brace, and nothing behind it.
	if _, err := d.Token(); err != nil {
		return nil, malformed("is not a JSON object")
	}
	if len(bytes.Trim(text[d.InputOffset():], " \t\r\n")) > 0 {
		return nil, malformed("has something behind the JSON object")
	}
	return found, nil
}

// has reports whether a member is there and not null.
func (m members) has(name string) bool {
	raw, ok := m[name]
	return ok && string(raw) != "null"
}

func (m members) read(name string, into any) error {
	if m.has(name) && json.Unmarshal(m[name], into) != nil {
		return malformed("has a %s of the wrong type", name)
	}
	return nil
}

// texts reads a text, which is taken apart, or a list of texts; nil if there is none.
func (m members) texts(name string, apart func(string) []string) ([]string, error) {
	if !m.has(name) {
		return nil, nil
	}
	list := []string{}
	if m[name][0] != '[' {
		var text string
		err := m.read(name, &text)
		return append(list, apart(text)...), err
	}
	var items []*string
	if err := m.read(name, &items); err != nil {
		return nil, err
	}
	for _, item := range items {
		if item == nil {
			return nil, malformed("has a %s of the wrong type", name)
		}
		list = append(list, *item)
	}
	return list, nil
}

// time reads seconds since 1970; the zero time if there are none.
func (m members) time(name string) (time.Time, error) {
	if !m.has(name) {
		return time.Time{}, nil
	}
	var seconds float64
	if err := m.read(name, &seconds); err != nil {
		return time.Time{}, err
	}
	// Within these bounds time.Time can compute; beyond them nothing changes any more.
	const most = 1 << 37
	return time.Unix(int64(math.Floor(min(max(seconds, -most), most))), 0), nil
}

// claimText is a claim as mappings get it; null is none. Objects are JSON.
func claimText(raw json.RawMessage) (text string, ok bool) {
	switch raw[0] {
	case 'n':
		return "", false
	case '"':
		return text, json.Unmarshal(raw, &text) == nil
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return "", false
		}
		parts := make([]string, 0, len(items))
		for _, item := range items {
			if part, ok := itemText(item); ok {
				parts = append(parts, part)
			}
		}
		return "[" + strings.Join(parts, " ") + "]", true
	}
	return itemText(raw)
}

// itemText is a member of a list, or what else is no text and no list, on one line.
func itemText(raw json.RawMessage) (text string, ok bool) {
	if raw[0] == '"' {
		return text, json.Unmarshal(raw, &text) == nil
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return "", false
	}
	return compact.String(), true
}
