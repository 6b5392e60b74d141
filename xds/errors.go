package xds

import (
	"errors"
	"fmt"
	"strings"
)

var (
	errUnservedType  = errors.New("resources of this type are not served")
	errUnknownStream = errors.New("a question of an envoy that never spoke")
	errClosed        = errors.New("the xds server is closed")
)

// Problem is one resource that Set would not send.
type Problem struct {
	Gateway string
	TypeURL string
	Name    string
	// Target is the other end of a reference that leads nowhere, else nil.
	Target *Reference
	Err    error
}

func (p Problem) Error() string {
	return fmt.Sprintf("gateway %q: %s %q: %v", p.Gateway, TypeName(p.TypeURL), p.Name, p.Err)
}

func (p Problem) Unwrap() error { return p.Err }

// InvalidError says why Set refused a revision before sending any of it. What
// was served before is served on.
type InvalidError struct {
	Revision string
	Problems []Problem
}

func (e *InvalidError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, p.Error())
	}
	return fmt.Sprintf("revision %s refused: %s", e.Revision, strings.Join(lines, "; "))
}

// RejectedError says that an Envoy refused clusters, endpoints, secrets or
// filters of a revision, so that Set did not go on to the routes that use them.
// Setting the last good revision restores it.
type RejectedError struct {
	Revision string
	NACKs    []NACK
}

func (e *RejectedError) Error() string {
	lines := make([]string, 0, len(e.NACKs))
	for _, n := range e.NACKs {
		lines = append(lines, n.String())
	}
	return fmt.Sprintf("revision %s rejected: %s", e.Revision, strings.Join(lines, "; "))
}
