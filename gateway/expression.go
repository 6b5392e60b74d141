package gateway

import (
	"fmt"
	"regexp"
	"strings"
)

// ExpressionKind says where a mapping takes its value from.
type ExpressionKind int

// The sources of parameter mappings, of REST and HTTP APIs alike.
const (
	Literal ExpressionKind = iota
	RequestHeader
	RequestMultiHeader
	RequestQuery
	RequestMultiQuery
	// RequestPath with an empty Name is the whole path without the stage.
	RequestPath
	RequestBody
	ResponseHeader
	ResponseMultiHeader
	ResponseBody
	ContextVariable
	StageVariable
)

// Expression is one source of a value. Name is the header, parameter, JSON path
// or variable; the text itself for a Literal.
type Expression struct {
	Kind ExpressionKind
	Name string
}

// Value is what a mapping sets: the texts of its expressions, one after the other.
type Value []Expression

// Literal reports whether the value is constant, and the constant.
func (v Value) Literal() (string, bool) {
	var b strings.Builder
	for _, e := range v {
		if e.Kind != Literal {
			return "", false
		}
		b.WriteString(e.Name)
	}
	return b.String(), true
}

var restSources = []struct {
	prefix string
	kind   ExpressionKind
}{
	{"method.request.header.", RequestHeader},
	{"method.request.multivalueheader.", RequestMultiHeader},
	{"method.request.querystring.", RequestQuery},
	{"method.request.multivaluequerystring.", RequestMultiQuery},
	{"method.request.path.", RequestPath},
	{"method.request.body.", RequestBody},
	{"integration.response.header.", ResponseHeader},
	{"integration.response.multivalueheader.", ResponseMultiHeader},
	{"integration.response.body.", ResponseBody},
	{"context.", ContextVariable},
	{"stageVariables.", StageVariable},
}

var (
	restName = regexp.MustCompile(`^[a-zA-Z0-9._$-]+$`)
	// contextName has more where it names a claim, such as cognito:username or
	// https://example.com/role.
	contextName = regexp.MustCompile(`^(?:[a-zA-Z0-9._$:-]+|authorizer\.[^\x00-\x1f\x7f{}]+)$`)
)

// ParseRESTValue reads the source of a REST parameter mapping: a whole expression
// or a literal in single quotes.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
func ParseRESTValue(text string) (Value, error) {
	if len(text) >= 2 && strings.HasPrefix(text, "'") && strings.HasSuffix(text, "'") {
		return Value{{Literal, text[1 : len(text)-1]}}, nil
	}
	switch text {
	case "method.request.body":
		return Value{{RequestBody, ""}}, nil
	case "integration.response.body":
		return Value{{ResponseBody, ""}}, nil
	}
	for _, s := range restSources {
		name, ok := strings.CutPrefix(text, s.prefix)
		if !ok {
			continue
		}
		valid := restName.MatchString
		if s.kind == ContextVariable {
			valid = contextName.MatchString
		}
		if s.kind != RequestBody && s.kind != ResponseBody && !valid(name) {
			return nil, fmt.Errorf("%q is not a valid name in the mapping expression %q", name, text)
		}
		return Value{{s.kind, name}}, nil
	}
	return nil, fmt.Errorf("%q is not a mapping expression; a literal stands in single quotes", text)
}

var (
	httpReference = regexp.MustCompile(`\$\{([^}]*)\}`)
	httpSources   = []struct {
		prefix string
		kind   ExpressionKind
	}{
		{"request.header.", RequestHeader},
		{"request.querystring.", RequestQuery},
		{"request.path.", RequestPath},
		{"request.body.", RequestBody},
		{"response.header.", ResponseHeader},
		{"response.body.", ResponseBody},
		{"context.", ContextVariable},
		{"stageVariables.", StageVariable},
	}
)

// ParseHTTPValue reads the value of an HTTP API parameter mapping: one $reference,
// plain text, or text with ${references} in it.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
func ParseHTTPValue(text string) (Value, error) {
	if ref, ok := strings.CutPrefix(text, "$"); ok && !strings.HasPrefix(ref, "{") {
		e, err := parseHTTPReference(ref)
		if err != nil {
			return nil, err
		}
		return Value{e}, nil
	}
	var v Value
	last := 0
	for _, m := range httpReference.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > last {
			v = append(v, Expression{Literal, text[last:m[0]]})
		}
		e, err := parseHTTPReference(text[m[2]:m[3]])
		if err != nil {
			return nil, err
		}
		v, last = append(v, e), m[1]
	}
	if last < len(text) || len(v) == 0 {
		v = append(v, Expression{Literal, text[last:]})
	}
	return v, nil
}

func parseHTTPReference(ref string) (Expression, error) {
	switch ref {
	case "request.path":
		return Expression{RequestPath, ""}, nil
	case "request.body":
		return Expression{RequestBody, ""}, nil
	case "response.body":
		return Expression{ResponseBody, ""}, nil
	}
	for _, s := range httpSources {
		if name, ok := strings.CutPrefix(ref, s.prefix); ok && name != "" {
			return Expression{s.kind, name}, nil
		}
	}
	return Expression{}, fmt.Errorf("%q is not something a mapping can refer to", "$"+ref)
}
