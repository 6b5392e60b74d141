package dashboard

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// envoysPage is the Envoys that are connected.
var envoysPage = page{
	pattern: "envoys", nav: "Envoys", template: "envoys", every: 2 * time.Second,
	read: (*Server).envoys,
}

// Envoy is one that is connected.
type Envoy struct {
	ID, Gateway, Version string
	// Matched tells whether there is such a gateway, InSync whether the Envoy has all that
	// it is to have.
	Matched, InSync bool
	Since           time.Time
	// Types are what it has of each type of resource.
	Types []EnvoyType
}

// EnvoyType is what an Envoy has of a type of resource.
type EnvoyType struct {
	Name, Revision string
	// Acked and Pending count resources; Refused names them.
	Acked, Pending int
	Refused        []string
	// Refusal is the last one, which may be over since.
	Refusal *Refusal
}

// resourceWords say what types of resources are; Envoy's short names are beside them.
var resourceWords = map[string]string{
	"LDS": "Listeners", "RDS": "Routes", "SRDS": "Hosts", "CDS": "Backends", "EDS": "Endpoints", "ECDS": "Checks and filters", "SDS": "Certificates and secrets",
}

// What is the type in words.
func (t EnvoyType) What() string { return cmp.Or(resourceWords[t.Name], t.Name) }

type envoysView struct {
	Serving string
	All     []envoyView
	InSync  int
}

type envoyView struct {
	Envoy
	Word, Kind string
	Ago        time.Duration
	Refusals   []Refusal
}

func (s *Server) envoys(*http.Request) (*shown, error) {
	if s.options.Envoys == nil {
		return nil, absent("Envoys connect to processes that have the role xds, which this one has not. The dashboard there shows them.")
	}
	v := &envoysView{}
	if snapshot := s.snapshot(); snapshot != nil {
		v.Serving = snapshot.Revision()
	}
	for _, e := range s.options.Envoys() {
		at := envoyView{Envoy: e, Ago: s.options.Now().Sub(e.Since)}
		pending, refused := 0, 0
		for _, t := range e.Types {
			pending += t.Pending
			refused += len(t.Refused)
			if t.Refusal != nil {
				at.Refusals = append(at.Refusals, *t.Refusal)
			}
		}
		slices.SortStableFunc(at.Refusals, func(a, b Refusal) int { return b.Time.Compare(a.Time) })
		switch {
		case !e.Matched:
			at.Word, at.Kind = "no such gateway", "bad"
		case refused > 0:
			at.Word, at.Kind = fmt.Sprintf("refuses %d", refused), "bad"
		case e.InSync:
			at.Word, at.Kind = "up to date", "good"
			v.InSync++
		default:
			at.Word, at.Kind = fmt.Sprintf("%d on the way", cmp.Or(pending, 1)), "info"
		}
		v.All = append(v.All, at)
	}
	return &shown{Title: "Envoys", Data: v}, nil
}
