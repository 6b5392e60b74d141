package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
)

// readAnswer2 reads a result of the format 2.0. One without a status code is the body of
// an answer by itself.
func readAnswer2(text []byte) (*answer, error) {
	text = bytes.TrimSpace(text)
	a := &answer{status: http.StatusOK, header: http.Header{}}
	var r result
	if len(text) > 0 && text[0] == '{' {
		if json.Unmarshal(text, &r) != nil {
			return nil, errNotJSON
		}
	}
	if !r.has("statusCode") {
		return inferred(a, text)
	}
	if err := r.status(a); err != nil {
		return nil, err
	}
	if err := r.headers(a, true); err != nil {
		return nil, err
	}
	if err := r.cookies(a); err != nil {
		return nil, err
	}
	return a, r.body(a)
}

// cookies reads the list of them.
func (r result) cookies(a *answer) error {
	if !r.has("cookies") {
		return nil
	}
	var cookies []string
	if json.Unmarshal(r["cookies"], &cookies) != nil {
		return errors.New("the result's cookies are not a list of texts")
	}
	return a.add("Set-Cookie", cookies...)
}

var errNotJSON = errors.New("the result is not JSON")

// inferred is the answer that a result without a status code is.
func inferred(a *answer, text []byte) (*answer, error) {
	a.header.Set("Content-Type", "application/json")
	if len(text) > 0 && text[0] == '"' {
		var body string
		if json.Unmarshal(text, &body) != nil {
			return nil, errNotJSON
		}
		a.body = []byte(body)
		return a, nil
	}
	if !json.Valid(text) {
		return nil, errNotJSON
	}
	a.body = text
	return a, nil
}
