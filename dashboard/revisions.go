package dashboard

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/difference"
)

// Revisions is what became of the definitions.
type Revisions struct {
	// InForce tells whether the definitions, as last read, are what is served.
	InForce         bool
	Serving, Latest *Revision
	// History has the last ones, newest first.
	History []Revision
}

// Revision is one state of the definitions.
type Revision struct {
	// ID is empty where the definitions could not even be read.
	ID string
	// State is failed, applied, acked or rejected, Origin where it was read from.
	State, Origin string
	Time          time.Time
	Took          time.Duration
	Problems      gateway.Diagnostics
	Refusals      []Refusal
}

// Refusal is an Envoy's word that it does not take something.
type Refusal struct {
	Time                          time.Time
	Node, Gateway, Revision, Type string
	Resources                     []string
	Message                       string
}

// revisionsPage is what became of the definitions, newest first.
var revisionsPage = page{
	pattern: "revisions", nav: "Revisions", template: "revisions", every: 2 * time.Second,
	read: (*Server).revisions,
}

// revisionPage is one revision.
var revisionPage = page{
	pattern: "revisions/{id}", under: "Revisions", template: "revision",
	read: (*Server).revision,
}

type revisionsView struct {
	InForce bool
	Serving string
	// Broken is the latest where that is not served.
	Broken *revisionView
	All    []revisionView
}

type revisionView struct {
	Revision
	// Word says the state to people, Kind colours it.
	Word, Kind string
	Serving    bool
	Ago        time.Duration
	// Errors and Warnings count problems.
	Errors, Warnings int
	// Changes are since the revision served before; Since is that. Known tells whether
	// they are known.
	Known   bool
	Since   string
	Changes []changeView
	// More is how many changes there are beyond those.
	More int
	Href string
}

type changeView struct {
	Kind, What, From, To string
}

func (s *Server) revisions(*http.Request) (*shown, error) {
	if s.options.Revisions == nil {
		return nil, absent("This process does not know what became of the definitions.")
	}
	status := s.options.Revisions()
	v := &revisionsView{InForce: status.InForce}
	if status.Serving != nil {
		v.Serving = status.Serving.ID
	}
	for i := range status.History {
		v.All = append(v.All, s.viewRevision(&status.History[i], v.Serving, i == 0))
	}
	if status.Latest != nil && !status.InForce {
		broken := s.viewRevision(status.Latest, v.Serving, true)
		v.Broken = &broken
	}
	return &shown{Title: "Revisions", Data: v}, nil
}

func (s *Server) revision(r *http.Request) (*shown, error) {
	if s.options.Revisions == nil {
		return nil, absent("This process does not know what became of the definitions.")
	}
	status := s.options.Revisions()
	id := r.PathValue("id")
	serving := ""
	if status.Serving != nil {
		serving = status.Serving.ID
	}
	for i := range status.History {
		if at := &status.History[i]; at.ID == id {
			v := s.viewRevision(at, serving, true)
			return &shown{Title: "Revision " + shortRevision(id), Trail: []link{{"Revisions", pathTo("revisions")}}, Data: &v}, nil
		}
	}
	return nil, notFound("This revision is not among the last ones that this process has seen.")
}

// viewRevision makes a revision one for people. In a list, few of its changes are shown.
func (s *Server) viewRevision(r *Revision, serving string, whole bool) revisionView {
	v := revisionView{Revision: *r, Serving: r.ID != "" && r.ID == serving, Ago: s.options.Now().Sub(r.Time)}
	v.Word, v.Kind = stateWord(r.State)
	if r.ID != "" {
		v.Href = pathTo("revisions", r.ID)
	}
	for _, d := range r.Problems {
		if d.Severity == gateway.Error {
			v.Errors++
		} else {
			v.Warnings++
		}
	}
	if changes, known := s.changes.of(r.ID); known {
		v.Known, v.Since = true, changes.since
		most := 5
		if whole {
			most = len(changes.list)
		}
		v.Changes = changes.list[:min(len(changes.list), most)]
		v.More = changes.total - len(v.Changes)
	}
	return v
}

func stateWord(state string) (word, kind string) {
	switch state {
	case "acked":
		return "accepted by every Envoy", "good"
	case "applied":
		return "applied", "info"
	case "rejected":
		return "refused by an Envoy", "bad"
	case "failed":
		return "not served: it has errors", "bad"
	}
	return state, ""
}

const (
	// revisionsKept is how many revisions the changes are known of.
	revisionsKept = 20
	// changesKept is how many changes of each.
	changesKept = 500
)

// revisionChanges is what has changed with a revision, from the one served before.
type revisionChanges struct {
	id, since string
	list      []changeView
	total     int
}

// changeLog has the changes of the last revisions.
type changeLog struct {
	mu      sync.Mutex
	last    *gateway.Snapshot
	kept    []revisionChanges
	working sync.WaitGroup
}

// Serving tells what is served from now on. What has changed is found out in its own time:
// that may be much, and nobody waits for it.
func (s *Server) Serving(next *gateway.Snapshot) {
	c := &s.changes
	c.mu.Lock()
	before := c.last
	if before == next || before != nil && before.Revision() == next.Revision() {
		c.mu.Unlock()
		return
	}
	c.last = next
	c.mu.Unlock()
	if before == nil {
		return
	}
	c.working.Go(func() {
		found := difference.Between(before, next)
		r := revisionChanges{id: next.Revision(), since: before.Revision(), total: len(found)}
		for _, d := range found[:min(len(found), changesKept)] {
			r.list = append(r.list, changeView{string(d.Kind), strings.Join(d.What, " › "), d.From, d.To})
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		// A revision that is served again is compared with another one.
		c.kept = slices.DeleteFunc(c.kept, func(k revisionChanges) bool { return k.id == r.id })
		c.kept = append(c.kept, r)
		c.kept = c.kept[max(len(c.kept)-revisionsKept, 0):]
	})
}

func (c *changeLog) of(id string) (revisionChanges, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.kept {
		if k.id == id && id != "" {
			return k, true
		}
	}
	return revisionChanges{}, false
}
