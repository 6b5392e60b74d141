package extauthz

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
)

// answer is what an authorizer function said, or what is known of a token. It is not
// changed once it is made.
type answer struct {
	// refused is set when the answer is that nobody with it is let in; token when it is
	// about a token, and neither when it is a function's.
	refused *refusal
	token   *knownToken
	// policy is nil for simple answers, for which authorized counts.
	policy     *iampolicy.Policy
	authorized bool
	// context is $context.authorizer, typed the names in it whose values were no text, for
	// HTTP APIs, and ready the answer to a request that has nothing but that.
	context  *structpb.Struct
	typed    *structpb.ListValue
	ready    *response
	usageKey gateway.Secret
	// functionRequest is the id of the function's call, "" for answers that were kept.
	functionRequest string
	// size is about what the answer takes in memory.
	size int
}

// forLater is the answer as it is kept: the next ones did not wait for the function.
func (a *answer) forLater() *answer {
	if a.context == nil {
		return a
	}
	later := *a
	later.context = &structpb.Struct{Fields: make(map[string]*structpb.Value, len(a.context.GetFields()))}
	for name, value := range a.context.GetFields() {
		later.context.Fields[name] = value
	}
	later.context.Fields[latencyName] = structpb.NewStringValue("0")
	later.functionRequest = ""
	later.ready = readyAnswer(&later)
	return &later
}

const (
	principalName = "principalId"
	latencyName   = "integrationLatency"
)

// result is what a function returned, by the names of its members: to the letter,
// which encoding/json does not insist on for structs.
type result map[string]json.RawMessage

// member reads a member, and reports whether it is there and not null.
func (r result) member(name string, into any) (present bool, err error) {
	raw, ok := r[name]
	if !ok || string(raw) == "null" {
		return false, nil
	}
	if json.Unmarshal(raw, into) != nil {
		return false, fmt.Errorf("the answer's %s is of the wrong type", name)
	}
	return true, nil
}

// readAnswer reads a function's result. Its errors are for the log of the one whose
// function it is; they do not repeat the result.
func (a *lambdaAuthorizer) readAnswer(text []byte, took time.Duration, id string) (*answer, error) {
	var r result
	if json.Unmarshal(text, &r) != nil || r == nil {
		return nil, errors.New("the answer is not a JSON object")
	}
	var values map[string]json.RawMessage
	if _, err := r.member("context", &values); err != nil {
		return nil, err
	}
	made, principal := &answer{functionRequest: id}, ""
	if a.simple {
		present, err := r.member("isAuthorized", &made.authorized)
		switch {
		case err != nil:
			return nil, err
		case !present:
			return nil, errors.New("the answer has no isAuthorized")
		}
		return a.complete(made, values, "", took, len(text))
	}
	if _, err := r.member(principalName, &principal); err != nil {
		return nil, err
	}
	if principal == "" {
		return nil, errors.New("the answer has no principalId")
	}
	usageKey := ""
	if _, err := r.member("usageIdentifierKey", &usageKey); err != nil {
		return nil, err
	}
	made.usageKey = gateway.Secret(usageKey)
	if len(r["policyDocument"]) == 0 {
		return nil, errors.New("the answer has no policyDocument")
	}
	policy, problems := iampolicy.Parse(r["policyDocument"], iampolicy.Options{Kind: iampolicy.AuthorizerPolicy})
	if policy == nil {
		return nil, fmt.Errorf("the answer's policyDocument cannot be used: %v", firstError(problems))
	}
	made.policy = policy
	return a.complete(made, values, principal, took, len(text))
}

func firstError(problems []iampolicy.Problem) iampolicy.Problem {
	return problems[slices.IndexFunc(problems, func(p iampolicy.Problem) bool { return !p.Warning })]
}

// complete adds to an answer its context, whose values all become text.
func (a *lambdaAuthorizer) complete(made *answer, values map[string]json.RawMessage, principal string, took time.Duration, size int) (*answer, error) {
	fields := make(map[string]*structpb.Value, len(values)+2)
	for name, raw := range values {
		text, present, err := contextText(raw, a.form == httpForm1 || a.form == httpForm2)
		if err != nil {
			return nil, fmt.Errorf("the value of %q in the context %w", name, err)
		}
		if present {
			fields[utf8Text(name)] = structpb.NewStringValue(text)
		}
	}
	// The names that are the gateway's own cannot be taken by a context.
	if principal != "" {
		fields[principalName] = structpb.NewStringValue(utf8Text(principal))
	}
	fields[latencyName] = structpb.NewStringValue(strconv.FormatInt(took.Milliseconds(), 10))
	made.context = &structpb.Struct{Fields: fields}
	if a.form == httpForm1 || a.form == httpForm2 {
		made.typed = typedNames(values, fields)
	}
	made.ready = readyAnswer(made)
	// A compiled policy and the two forms of a context take several times the bytes of
	// what they were read from; 4 KiB is for what does not depend on it.
	made.size = 4<<10 + 16*size
	return made, nil
}

// typedNames are those of a context's values that are no text, sorted; nil for none.
func typedNames(values map[string]json.RawMessage, context map[string]*structpb.Value) *structpb.ListValue {
	var names []string
	for name, raw := range values {
		if name = utf8Text(name); raw[0] != '"' && context[name] != nil && name != latencyName && name != principalName {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	list := &structpb.ListValue{}
	for _, name := range slices.Compact(names) {
		list.Values = append(list.Values, structpb.NewStringValue(name))
	}
	return list
}

// contextText is a value of a context as mappings and backends get it. Objects and
// lists are for HTTP APIs only, and become JSON. Null is no value (that Amazon takes it
// so is a guess).
func contextText(raw json.RawMessage, nested bool) (text string, present bool, err error) {
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", false, errors.New("is not valid")
		}
		return utf8Text(text), true, nil
	case 'n':
		return "", false, nil
	case '{', '[':
		if !nested {
			return "", false, errors.New("is an object or a list, which a REST API cannot pass on")
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return "", false, errors.New("is not valid")
		}
		return strings.ToValidUTF8(compact.String(), "\uFFFD"), true, nil
	}
	// Numbers and truth values as they were written.
	return string(raw), true, nil
}
