package cli

import (
	"context"
	"errors"
)

// errInterrupted ends a command that was interrupted, by Ctrl-C or a signal, before it was done.
var errInterrupted = &codedError{exitInterrupted, errors.New("interrupted")}

// computed gives what f computes, or errInterrupted at once when the command is interrupted. f is
// left to itself then, as the program ends: it must do nothing but compute.
func computed[T any](ctx context.Context, f func() T) (T, error) {
	done := make(chan T, 1)
	go func() { done <- f() }()
	var none T
	select {
	case <-ctx.Done():
		return none, errInterrupted
	case value := <-done:
		// What was computed of what had to end early is not all there is.
		if ctx.Err() != nil {
			return none, errInterrupted
		}
		return value, nil
	}
}
