package vtl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong with a template, found when it is parsed.
type Problem struct {
	// Line and Column count from 1, columns in characters.
	Line, Column int
	// Code is stable, Message says what is wrong, Hint how to mend it, if it is known.
	Code, Message, Hint string
	// Warning problems do not keep the template from being used: it does what it does
	// on AWS, which is hardly what is meant.
	Warning bool
}

func (p Problem) String() string {
	severity := "error"
	if p.Warning {
		severity = "warning"
	}
	text := fmt.Sprintf("%d:%d: %s %s: %s", p.Line, p.Column, severity, p.Code, p.Message)
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// The codes of problems.
const (
	// CodeSyntax: the template is not VTL as API Gateway reads it.
	CodeSyntax = "template-syntax"
	// CodeTooLarge: the template is larger than 300 KB, or nested too deep.
	CodeTooLarge = "template-too-large"
	// CodeUnsupported: a construct that is VTL but does not work in API Gateway.
	CodeUnsupported = "template-unsupported"
	// CodeIgnored: a construct that API Gateway prints or passes over.
	CodeIgnored = "template-ignored"
	// CodeUnknownFunction: $input and $util have no such function.
	CodeUnknownFunction = "template-unknown-function"
	// CodeUnknownMethod: no value has such a method.
	CodeUnknownMethod = "template-unknown-method"
	// CodeUnsetVariable: nothing sets the variable, so it prints nothing.
	CodeUnsetVariable = "template-unset-variable"
	// CodeJSONPath: a JSONPath cannot be used.
	CodeJSONPath = "template-invalid-jsonpath"
	// CodeRegexp: a regular expression cannot be used.
	CodeRegexp = "template-invalid-regexp"
)

// maxProblems bounds how many errors of a template are told, and how many warnings.
const maxProblems = 100

// HasErrors is whether any of the problems keeps the template from being used.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Code, b.Code))
	})
}
