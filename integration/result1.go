package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// result is what a function returned, by the names of its members: to the letter,
// which encoding/json does not insist on for structs.
type result map[string]json.RawMessage

var errNotObject = errors.New("the result is not a JSON object")

// resultMembers are all that a REST API takes.
var resultMembers = map[string]bool{"isBase64Encoded": true, "statusCode": true, "headers": true, "multiValueHeaders": true, "body": true}

// readAnswer1 reads a result of the format 1.0. Its errors do not repeat the result.
func readAnswer1(text []byte, rest bool) (*answer, error) {
	var r result
	if json.Unmarshal(text, &r) != nil || r == nil {
		return nil, errNotObject
	}
	if rest {
		for name := range r {
			if !resultMembers[name] {
				return nil, errors.New("the result has a member that is not one of statusCode, headers, multiValueHeaders, body and isBase64Encoded")
			}
		}
	}
	a := &answer{status: http.StatusOK, header: http.Header{}}
	if err := r.status(a); err != nil {
		return nil, err
	}
	if !rest && !r.has("statusCode") {
		return nil, errors.New("the result has no statusCode")
	}
	// The values of several come before those of one, if both are there.
	if err := r.headerLists(a); err != nil {
		return nil, err
	}
	if err := r.headers(a, false); err != nil {
		return nil, err
	}
	return a, r.body(a)
}

func (r result) has(name string) bool { raw, ok := r[name]; return ok && string(raw) != "null" }

// headerLists reads multiValueHeaders.
func (r result) headerLists(a *answer) error {
	if !r.has("multiValueHeaders") {
		return nil
	}
	var lists map[string]json.RawMessage
	if json.Unmarshal(r["multiValueHeaders"], &lists) != nil {
		return errors.New("the result's multiValueHeaders are not an object")
	}
	for _, name := range sortedKeys(lists) {
		var list []json.RawMessage
		if json.Unmarshal(lists[name], &list) != nil || list == nil {
			return errors.New("the result's multiValueHeaders have a value that is no list")
		}
		for _, raw := range list {
			if err := a.addRaw(name, raw, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// headers reads the member of that name.
func (r result) headers(a *answer, numbers bool) error {
	if !r.has("headers") {
		return nil
	}
	var headers map[string]json.RawMessage
	if json.Unmarshal(r["headers"], &headers) != nil {
		return errors.New("the result's headers are not an object")
	}
	for _, name := range sortedKeys(headers) {
		if err := a.addRaw(name, headers[name], numbers); err != nil {
			return err
		}
	}
	return nil
}

// addRaw adds a header whose value is text or a truth value; or a number, where those are
// taken.
func (a *answer) addRaw(name string, raw json.RawMessage, numbers bool) error {
	value := string(raw)
	switch c := raw[0]; {
	case c == '"':
		text, ok := unquoted(raw)
		if !ok {
			return errors.New("the result has a header that cannot be read")
		}
		value = string(text)
	case c == 't', c == 'f':
	case numbers && (c == '-' || '0' <= c && c <= '9'):
	default:
		return errors.New("the result has a header that is neither text nor a truth value")
	}
	return a.add(name, value)
}

// status reads the status code, which may be a number or digits.
func (r result) status(a *answer) error {
	if !r.has("statusCode") {
		return nil
	}
	text := strings.Trim(string(r["statusCode"]), `"`)
	code, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || code < 200 || code > 599 {
		return errors.New("the result's statusCode is not one from 200 to 599")
	}
	a.status = code
	return nil
}

// body reads the body, which has to be text.
func (r result) body(a *answer) error {
	if raw := r["isBase64Encoded"]; r.has("isBase64Encoded") && json.Unmarshal(raw, &a.base64) != nil {
		return errors.New("the result's isBase64Encoded is neither true nor false")
	}
	if !r.has("body") {
		return nil
	}
	raw := r["body"]
	if raw[0] != '"' {
		return errors.New("the result's body is not text")
	}
	var ok bool
	if a.body, ok = unquoted(raw); !ok {
		return errors.New("the result's body cannot be read")
	}
	return nil
}

// unquoted is a text that JSON has in quotes. Most have no escapes, and are not copied.
func unquoted(raw json.RawMessage) (text []byte, ok bool) {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw[1 : len(raw)-1], true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return []byte(s), err == nil
}
