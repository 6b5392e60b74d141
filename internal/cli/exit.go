package cli

import (
	"errors"
	"fmt"
)

// The exit codes.
const (
	exitGood     = 0
	exitProblems = 1
	exitUsage    = 2
	// exitDifferent is that of diff.
	exitDifferent = 3
	// exitInterrupted is what shells have for a program that Ctrl-C has ended.
	exitInterrupted = 130
)

// codedError is an error with the exit code that the program ends with.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }

func (e *codedError) Unwrap() error { return e.err }

// errReported ends a command whose problems are already on stdout or stderr.
var errReported = &codedError{exitProblems, errors.New("problems were found")}

// usagef makes an error of wrong usage.
func usagef(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode tells how to end after a command returned err.
func exitCode(err error) int {
	var coded *codedError
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &coded):
		return coded.code
	default:
		return exitProblems
	}
}
