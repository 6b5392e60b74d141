package revision

import (
	"slices"
	"time"

	"gatehouse/gateway"
	"gatehouse/xds"
)

// State is how far a revision got.
type State string

const (
	// Failed: stopped by an error in the definitions before any Envoy saw it.
	Failed State = "failed"
	// Applied: being sent; not every Envoy has answered, or none is connected.
	Applied State = "applied"
	// Acked: every Envoy connected at the time has taken all of it.
	Acked State = "acked"
	// Rejected: an Envoy refused some of it.
	Rejected State = "rejected"
)

// Origin is where a revision was read from.
type Origin string

const (
	// FromFiles is a revision read from the definition files.
	FromFiles Origin = "files"
	// FromStore is the last good revision of an earlier run, kept on disk.
	FromStore Origin = "store"
)

// Record is what became of one revision.
type Record struct {
	// Revision is empty if the definitions could not even be read.
	Revision string
	State    State
	Origin   Origin
	// Time is when the first step began.
	Time  time.Time
	Steps []Timing
	// Diagnostics are of the loader, the translator, and of Envoys that refused.
	Diagnostics gateway.Diagnostics
	Refusals    []xds.NACK
	// applied are the diagnostics of all steps but the first. They hold on when the same
	// definitions are read again, which is the first step alone.
	applied gateway.Diagnostics
}

// Timing is how long a step took.
type Timing struct {
	Step string
	Took time.Duration
}

// Took is the time of all steps.
func (r *Record) Took() time.Duration {
	var sum time.Duration
	for _, t := range r.Steps {
		sum += t.Took
	}
	return sum
}

// clone makes a copy that later events do not change.
func (r *Record) clone() *Record {
	if r == nil {
		return nil
	}
	c := *r
	c.Steps = slices.Clone(r.Steps)
	c.Diagnostics = slices.Clone(r.Diagnostics)
	c.applied = nil
	c.Refusals = slices.Clone(r.Refusals)
	return &c
}

// Status is what a Pipeline is doing. It is a copy.
type Status struct {
	// Serving is what the Envoys are sent; nil before anything is.
	Serving *Record
	// Latest is what became of the definitions as they were last read. It is not
	// Serving when they are broken or were refused.
	Latest *Record
	// History holds the last records, newest first.
	History []*Record
}

// InForce reports whether the definitions, as last read, are what is served.
func (s Status) InForce() bool {
	return s.Serving != nil && s.Latest != nil && s.Serving.Revision == s.Latest.Revision && s.Serving.State != Rejected
}
