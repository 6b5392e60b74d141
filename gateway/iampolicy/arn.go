package iampolicy

import (
	"errors"
	"fmt"
	"strings"
)

// The parts of an ARN after "arn:".
const (
	partitionPart = iota
	servicePart
	regionPart
	accountPart
	resourcePart
	arnParts
)

// API is the identity of an API, which makes the ARNs of its methods.
type API struct {
	// Partition is "aws" when empty.
	Partition string
	Region    string
	Account   string
	ID        string
}

func (a API) partition() string {
	if a.Partition == "" {
		return "aws"
	}
	return a.Partition
}

// MethodARN names a method of the API as policies and Lambda authorizers see it. The
// path is the one that the client sent, below the stage, not the route's template. It
// has to be spelt as it was when the route was chosen, or a denial could be passed by
// in another spelling.
func (a API) MethodARN(stage, method, path string) string {
	return "arn:" + a.partition() + ":" + service + ":" + a.Region + ":" + a.Account + ":" + a.ID +
		"/" + stage + "/" + method + "/" + strings.TrimPrefix(path, "/")
}

const service = "execute-api"

// splitARN takes an ARN apart; the last part keeps its colons.
func splitARN(arn string) (parts [arnParts]string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:")
	if !ok {
		return parts, false
	}
	for i := range resourcePart {
		if parts[i], rest, ok = strings.Cut(rest, ":"); !ok {
			return parts, false
		}
	}
	parts[resourcePart] = rest
	return parts, true
}

// arnPattern matches ARNs part by part: a wildcard before the fifth colon stays within
// its part, so that no colon a client puts into a path can make the ARN of one API
// look like that of another.
type arnPattern struct {
	// any is the pattern *, which also takes what is no ARN.
	any   bool
	parts [arnParts]pattern
	// short patterns end early in a star, which stands for the parts that are missing.
	short bool
}

func (a *arnPattern) matches(parts *[arnParts]string, isARN bool, e *evaluation) bool {
	if a.any {
		return true
	}
	if !isARN {
		return false
	}
	for i := range a.parts {
		if !a.parts[i].matches(parts[i], e) {
			return false
		}
	}
	return true
}

func (a *arnPattern) resolved(e *evaluation) bool { return a.any || a.parts[resourcePart].resolved(e) }

var star = pattern{runs: make([]run, 2)}

// compileARN reads an ARN with wildcards, and with variables after the fifth colon.
func compileARN(text string, variables bool) (arnPattern, error) {
	var a arnPattern
	rest, ok := strings.CutPrefix(text, "arn:")
	if !ok {
		return a, fmt.Errorf("%q is not an ARN: it does not begin with \"arn:\"", text)
	}
	parts := strings.SplitN(rest, ":", arnParts)
	a.short = len(parts) < arnParts
	if a.short {
		if err := checkShort(text, parts); err != nil {
			return a, err
		}
	}
	for i := range a.parts {
		if i >= len(parts) {
			a.parts[i] = star
			continue
		}
		if i < resourcePart && variables && strings.Contains(parts[i], "${") {
			return a, fmt.Errorf("variables may stand only after the fifth colon of an ARN, not in %q", parts[i])
		}
		compiled, err := notation{wildcards: true, variables: variables && i == resourcePart}.compile(parts[i])
		if err != nil {
			return a, err
		}
		a.parts[i] = compiled
	}
	return a, nil
}

// checkShort takes only those patterns of too few parts for which it makes no
// difference whether wildcards may go past colons: those that have none but one at
// the very end, and those that end in parts of nothing but a star.
func checkShort(text string, parts []string) error {
	last := parts[len(parts)-1]
	wild := false
	for _, part := range parts[:len(parts)-1] {
		if part != "*" && (wild || strings.ContainsAny(part, "*?")) {
			return errShort(text)
		}
		wild = wild || part == "*"
	}
	if !strings.HasSuffix(last, "*") || strings.ContainsAny(last[:len(last)-1], "*?") || wild && last != "*" {
		return errShort(text)
	}
	return nil
}

func errShort(text string) error {
	return fmt.Errorf("%q has fewer than the six parts of an ARN", text)
}

var errService = errors.New("the service of an ARN (after the second colon) must be written out, without wildcards")

// checkService refuses wildcards where IAM does.
func checkService(a *arnPattern) error {
	if name, ok := a.parts[servicePart].exact(); !ok || name == "" {
		return errService
	}
	return nil
}
