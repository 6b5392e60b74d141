package vtl

import (
	"context"
	"errors"
	"fmt"
)

// Limits bound what rendering a template may take. What is 0 is as in DefaultLimits.
type Limits struct {
	// LoopIterations bound each run of a #foreach.
	LoopIterations int
	// Steps bound all that is done: nodes rendered, characters copied.
	Steps int
	// MemoryBytes bound the text and lists that are made along the way.
	MemoryBytes int
	// OutputBytes bound the output.
	OutputBytes int
}

// MaxTemplateBytes is how large a template may be, as on AWS.
const MaxTemplateBytes = 300 << 10

// maxNesting bounds how deep directives, expressions, values and JSON are nested.
const maxNesting = 200

// DefaultLimits are those of AWS where AWS names one: 1000 iterations of a loop,
// 10 MB of payload.
func DefaultLimits() Limits {
	return Limits{LoopIterations: 1000, Steps: 5_000_000, MemoryBytes: 64 << 20, OutputBytes: 10 << 20}
}

func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	for _, limit := range []struct{ of, with *int }{
		{&l.LoopIterations, &d.LoopIterations}, {&l.Steps, &d.Steps},
		{&l.MemoryBytes, &d.MemoryBytes}, {&l.OutputBytes, &d.OutputBytes},
	} {
		if *limit.of <= 0 {
			*limit.of = *limit.with
		}
	}
	return l
}

// What a template may fail with when it is rendered. Error wraps one of them, or
// that of its context.
var (
	// ErrBody: the body is not the JSON that the template takes it for.
	ErrBody = errors.New("the body is not JSON")
	// ErrLimit: one of the Limits was reached.
	ErrLimit = errors.New("the template does too much")
	// ErrOverride: one parameter was overridden twice.
	ErrOverride = errors.New("a parameter is overridden twice")
	// ErrValue: a function or method cannot do what it was asked for.
	ErrValue = errors.New("wrong value")
)

// Error says where in the template rendering failed, and why. Its text has no
// values from the request.
type Error struct {
	Line, Column int
	Message      string
	// Err is one of the errors above, or that of the context.
	Err error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// flow is how rendering goes on after a node.
type flow uint8

const (
	onward flow = iota
	// breaking leaves the loop of state.leave.
	breaking
	// stopping ends the template, by #stop or by an error.
	stopping
)

// state is one rendering of a template.
type state struct {
	template *Template
	input    Input
	limits   Limits
	ctx      context.Context
	err      error

	out    []byte
	steps  int
	memory int
	depth  int

	// vars are the variables by their slots, args the arguments of calls under way.
	vars []any
	args []any
	// loops is the innermost loop, leave the loop that #break leaves.
	loops *loop
	leave *loop

	overrides overrides
	body      any
	bodyRead  bool
	params    [3]*Map
	allParams *Map
	scope     *contextScope
	stage     *Map
}

// unset is the value of variables that have none.
type unset struct{}

// fail ends rendering with an error at an offset of the template.
func (s *state) fail(at int, err error, format string, args ...any) {
	if s.err != nil {
		return
	}
	line, column := s.template.position(at)
	s.err = &Error{Line: line, Column: column, Message: fmt.Sprintf(format, args...), Err: err}
}

// step counts work and now and then asks whether it is still wanted.
func (s *state) step(at, n int) bool {
	before := s.steps
	s.steps += n
	if s.steps > s.limits.Steps {
		s.fail(at, ErrLimit, "the template takes more than %d steps", s.limits.Steps)
	} else if before>>12 != s.steps>>12 {
		if err := s.ctx.Err(); err != nil {
			s.fail(at, err, "rendering was given up: %v", err)
		}
	}
	return s.err == nil
}

// grow counts memory.
func (s *state) grow(at, bytes int) bool {
	s.memory += bytes
	if s.memory > s.limits.MemoryBytes {
		s.fail(at, ErrLimit, "the template makes more than %d bytes of values", s.limits.MemoryBytes)
	}
	return s.step(at, bytes>>4)
}

// written checks the size of the output.
func (s *state) written(at int) bool {
	if len(s.out) > s.limits.OutputBytes {
		s.fail(at, ErrLimit, "the output has more than %d bytes", s.limits.OutputBytes)
		return false
	}
	return true
}

// deeper bounds recursion; each true result is followed by shallower.
func (s *state) deeper(at int) bool {
	if s.depth++; s.depth > maxNesting {
		s.fail(at, ErrLimit, "values or definitions are nested more than %d deep", maxNesting)
	}
	return s.err == nil
}

func (s *state) shallower() { s.depth-- }
