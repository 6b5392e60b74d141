package xds

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Status is what the Server knows of its Envoys at one moment.
type Status struct {
	// Revision is the one set last; Complete tells whether Set is through with it.
	Revision string `json:"revision"`
	Complete bool   `json:"complete"`
	Nodes    []Node `json:"nodes"`
}

// Node is one connected Envoy.
type Node struct {
	ID string `json:"id"`
	// Gateway is the Envoy's node cluster. If it is not Matched, no revision
	// defines such a gateway, and the Envoy is sent nothing.
	Gateway        string    `json:"gateway"`
	Matched        bool      `json:"matched"`
	EnvoyVersion   string    `json:"envoyVersion"`
	ConnectedSince time.Time `json:"connectedSince"`
	// InSync tells whether the Envoy acknowledged all that it is to have.
	InSync bool `json:"inSync"`
	// Types are by short name ("RDS"); only those the Envoy asked for.
	Types map[string]TypeStatus `json:"types"`
}

// TypeStatus is what one Envoy has of one resource type.
type TypeStatus struct {
	// Revision is the last one of which all resources were acknowledged.
	Revision string `json:"revision,omitempty"`
	// Versions are the acknowledged versions by resource name.
	Versions map[string]string `json:"versions"`
	// Pending are the resources sent, or to be sent, but not answered yet.
	Pending []string `json:"pending,omitempty"`
	// Refused are the resources of which the version being served was refused.
	Refused []string `json:"refused,omitempty"`
	// LastNACK is the last refusal, which may be over since.
	LastNACK *NACK `json:"lastNack,omitempty"`
}

// Status gives a copy of what is known, nodes sorted by gateway and id.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{Revision: s.revision, Complete: s.complete, Nodes: []Node{}}
	for _, st := range s.streams {
		n := Node{
			ID: st.node, Gateway: st.gateway.name, Matched: st.gateway.defined,
			EnvoyVersion: st.version, ConnectedSince: st.since,
			InSync: st.gateway.defined && st.inSync(allTypes) && !st.refuses(allTypes),
			Types:  map[string]TypeStatus{},
		}
		for typeURL, sub := range st.subs {
			n.Types[TypeName(typeURL)] = TypeStatus{
				Revision: s.ackedRevision(sub),
				Versions: maps.Clone(sub.acked),
				Pending:  slices.Sorted(maps.Keys(sub.pending)),
				Refused:  slices.Sorted(maps.Keys(sub.refusals())),
				LastNACK: sub.lastNACK,
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	slices.SortFunc(out.Nodes, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Gateway, b.Gateway), cmp.Compare(a.ID, b.ID), a.ConnectedSince.Compare(b.ConnectedSince))
	})
	return out
}

// ackedRevision gives the last revision of which an Envoy acknowledged all of a
// type. It needs mu.
func (s *Server) ackedRevision(sub *subscription) string {
	if s.complete && len(sub.pending) == 0 && len(sub.refusals()) == 0 {
		return s.revision
	}
	return sub.revision
}

// State is what became of a revision.
type State string

// The states of a revision.
const (
	// Pending: some Envoy has not answered yet, or Set is not through.
	Pending State = "pending"
	// Acked: every connected Envoy, be it none, has acknowledged all of it.
	Acked State = "acked"
	// Rejected: some Envoy refused some of it.
	Rejected State = "rejected"
	// Superseded: another revision has been set since, or this one never was.
	Superseded State = "superseded"
)

// Outcome is the answer of Wait.
type Outcome struct {
	Revision string `json:"revision"`
	State    State  `json:"state"`
	// Nodes is how many Envoys are connected that the revision is for.
	Nodes int `json:"nodes"`
	// Waiting are the ids of the Envoys that have not acknowledged all yet.
	Waiting []string `json:"waiting,omitempty"`
	NACKs   []NACK   `json:"nacks,omitempty"`
}

// Wait returns as soon as a revision is acknowledged by every connected Envoy,
// refused by one, or superseded. It may be called while Set is at work. When the
// context ends first, the outcome is Pending and the error is the context's.
func (s *Server) Wait(ctx context.Context, revision string) (Outcome, error) {
	var out Outcome
	err := s.until(ctx, func() bool {
		out = s.outcome(revision)
		return out.State != Pending
	}, func() error { return nil })
	if err != nil {
		return out, fmt.Errorf("revision %s: waiting for envoys: %w", revision, err)
	}
	return out, nil
}

// outcome tells what is known of a revision now. It needs mu.
func (s *Server) outcome(revision string) Outcome {
	out := Outcome{Revision: revision, State: Superseded}
	if revision != s.revision {
		return out
	}
	for _, g := range s.gateways {
		// A gateway is not defined until Set is through; then its Envoys
		// count. Refusals by Envoys of gateways that went count no longer.
		if !g.defined {
			continue
		}
		out.NACKs = append(out.NACKs, g.refusals(allTypes)...)
		for _, st := range g.streams {
			out.Nodes++
			if !st.inSync(allTypes) {
				out.Waiting = append(out.Waiting, st.node)
			}
		}
	}
	slices.Sort(out.Waiting)
	slices.SortFunc(out.NACKs, func(a, b NACK) int { return a.Time.Compare(b.Time) })
	switch {
	case len(out.NACKs) > 0:
		out.State = Rejected
	case len(out.Waiting) > 0 || !s.complete:
		out.State = Pending
	default:
		out.State = Acked
	}
	return out
}
