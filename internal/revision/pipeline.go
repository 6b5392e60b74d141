package revision

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/translator"
	"gatehouse/xds"
)

// LoadFunc reads the definitions. The snapshot is sealed, and nil if the
// diagnostics have errors.
type LoadFunc func(context.Context) (*gateway.Snapshot, gateway.Diagnostics)

// Target is what takes revisions to Envoys: an *xds.Server.
type Target interface {
	// Set replaces what is served. See xds.Server.Set for its errors.
	Set(context.Context, xds.Revision) error
	// Wait tells what the connected Envoys made of a revision.
	Wait(ctx context.Context, revision string) (xds.Outcome, error)
}

// Prepare has a service, which answers what Envoys ask about requests, compile a
// snapshot: it has to know the same revision as they do. Without errors among the
// diagnostics it gives what takes the result into use.
type Prepare func(*gateway.Snapshot) (Swap, gateway.Diagnostics)

// Swap takes what was prepared into use. What it returns goes back to what was in use
// before.
type Swap func() (back func())

// Options configure a Pipeline. Load is needed; the zero value of every other means
// its default.
type Options struct {
	Load LoadFunc
	// Target is nil where only services are served. Nobody has a say in revisions
	// then, but for what translating them finds: whoever takes them to Envoys would
	// refuse the same.
	Target Target
	// Services go along with what Target is given.
	Services []Prepare
	// NoAuthorization: nobody answers where Target is what Envoys ask about callers.
	NoAuthorization bool
	// NoRateLimit: nobody counts there what Envoys share.
	NoRateLimit bool
	// NoIntegration: nobody is beside Target to serve the routes that Envoys cannot.
	NoIntegration bool
	// NoTelemetry: nobody is there to be told about requests.
	NoTelemetry bool
	// Store keeps the last good revision; nil for nowhere.
	Store *Store
	// Renew, if set, gives a snapshot that is served with what has come to be known
	// since it was loaded, sealed; the same one if that is nothing. It must return soon.
	Renew func(*gateway.Snapshot) *gateway.Snapshot
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// History is how many records Status remembers, 20 by default.
	History int
	// Confirm, if set, is asked before a revision counts as acked: what it gives are
	// refusals by Envoys that have acknowledged it, and do not do what it says all the
	// same. It may take its time, until the context ends or another revision is served.
	Confirm func(context.Context, *gateway.Snapshot) []xds.NACK
	// Settle is how long a revision must stay acknowledged before it counts as
	// acked: an Envoy that starts asks for one type after the other, and has
	// nothing left to answer for a moment in between. A second by default.
	Settle time.Duration
	// Unattended is how long a revision is served to no Envoy at all before it
	// is kept as the last good one unseen. Ten seconds by default.
	Unattended time.Duration
	// SaveAgain is how long after a failure the last good revision is tried to be
	// stored again. Thirty seconds by default.
	SaveAgain time.Duration
	// OnChange, if set, is called with every new status. It must return soon.
	OnChange func(Status)
}

// Pipeline applies one revision after the other. Start reads the definitions for
// the first time, Run does the rest until its context ends. Reload, Refused and
// Status may be called from anywhere at any time.
type Pipeline struct {
	opts       Options
	log        *slog.Logger
	metrics    *metrics
	translator *translator.Translator
	mail       *mailbox
	status     atomic.Pointer[Status]
	snapshot   atomic.Pointer[gateway.Snapshot]
	output     atomic.Pointer[translator.Output]
	saves      chan *gateway.Snapshot

	// What follows belongs to the goroutine of Start and then Run.

	serving *candidate
	// good is the last revision that was acked, or is stored; a refusal of a
	// later one returns to it.
	good *candidate
	// refused is the last revision that an Envoy refused. It is not tried again as
	// long as the definitions stay the same.
	refused *candidate
	latest  *Record
	history []*Record
	// kept is the revision that is, or is about to be, in the store.
	kept string
}

// candidate is a revision on its way.
type candidate struct {
	snapshot *gateway.Snapshot
	// swaps are those of the services, and output is nil until the snapshot is
	// translated.
	swaps  []Swap
	output *translator.Output
	record *Record
}

func (c *candidate) id() string { return c.snapshot.Revision() }

// New makes a Pipeline that serves nothing yet.
func New(opts Options) *Pipeline {
	opts.History = cmp.Or(opts.History, 20)
	opts.Settle = cmp.Or(opts.Settle, time.Second)
	opts.Unattended = cmp.Or(opts.Unattended, 10*time.Second)
	opts.SaveAgain = cmp.Or(opts.SaveAgain, 30*time.Second)
	p := &Pipeline{
		opts:       opts,
		log:        cmp.Or(opts.Log, slog.Default()),
		metrics:    newMetrics(opts.Registerer),
		translator: translator.New(),
		mail:       newMailbox(),
		saves:      make(chan *gateway.Snapshot, 1),
	}
	p.status.Store(&Status{})
	return p
}

// Status is what the pipeline is doing now.
func (p *Pipeline) Status() Status { return *p.status.Load() }

// Snapshot is what the Envoys are sent, nil before anything is.
func (p *Pipeline) Snapshot() *gateway.Snapshot { return p.snapshot.Load() }

// Output is what the snapshot was translated to, nil before anything is. It may be that of
// the one before for a moment: its revision tells.
func (p *Pipeline) Output() *translator.Output { return p.output.Load() }

// Reload asks for the definitions to be read again. With retry, a revision that
// was refused is tried once more, though nothing in it changed.
func (p *Pipeline) Reload(retry bool) { p.mail.reload(retry) }

// Refused tells of an Envoy's refusal: the OnNACK of xds.Options.
func (p *Pipeline) Refused(n xds.NACK) { p.mail.refused(n) }

// Run applies what Reload asks for, and follows what Envoys say, until the
// context ends. Before it returns, all it started has ended.
func (p *Pipeline) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	defer close(p.saves)
	group.Go(p.saveAll)

	var followed *candidate
	for {
		if c := p.serving; c != followed {
			group.Go(func() { p.follow(ctx, c.snapshot) })
			followed = c
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.mail.wake:
			p.handle(ctx, p.mail.take())
		}
	}
}

func (p *Pipeline) handle(ctx context.Context, l letters) {
	if len(l.nacks) > 0 {
		p.reject(ctx, l.nacks)
	}
	if l.settled != nil {
		p.settled(*l.settled)
	}
	if l.reload {
		if record := p.reload(ctx, l.retry); record != nil {
			p.report(record, "definitions refused; the revision before is served on")
		}
	}
	p.renew(ctx)
	p.publish()
}

// follow waits for the Envoys' word on a revision. It ends when they have given
// it, or when another revision is set.
func (p *Pipeline) follow(ctx context.Context, s *gateway.Snapshot) {
	id := s.Revision()
	if p.opts.Target == nil {
		p.mail.settle(settled{id, false})
		return
	}
	begin, kept := time.Now(), false
	for {
		out, err := p.opts.Target.Wait(ctx, id)
		if err != nil || out.State == xds.Superseded || out.State == xds.Rejected {
			return // Refusals come by Refused.
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.opts.Settle):
		}
		again, err := p.opts.Target.Wait(ctx, id)
		switch {
		case err != nil:
			return
		case out.State != xds.Acked || again.State != xds.Acked:
			// Another look.
		case out.Nodes > 0 && again.Nodes > 0:
			if refused := p.confirm(ctx, s); len(refused) > 0 {
				for _, n := range refused {
					p.mail.refused(n)
				}
				return
			}
			p.mail.settle(settled{id, true})
			return
		case !kept && time.Since(begin) >= p.opts.Unattended:
			p.mail.settle(settled{id, false})
			kept = true
		}
	}
}

func (p *Pipeline) confirm(ctx context.Context, s *gateway.Snapshot) []xds.NACK {
	if p.opts.Confirm == nil {
		return nil
	}
	return p.opts.Confirm(ctx, s)
}

// settled takes in that a revision is good.
func (p *Pipeline) settled(s settled) {
	if p.serving.id() != s.id || p.serving.record.State != Applied {
		return
	}
	if s.acked {
		p.serving.record.State = Acked
		p.good = p.serving
		p.log.Info("revision acknowledged by every envoy", "revision", s.id)
	}
	p.keep(p.serving.snapshot)
}

// keep has a snapshot stored. One that is still waiting for that is forgotten.
func (p *Pipeline) keep(s *gateway.Snapshot) {
	if p.opts.Store == nil || p.kept == s.Revision() {
		return
	}
	p.kept = s.Revision()
	select {
	case <-p.saves:
	default:
	}
	p.saves <- s
}

// saveAll writes snapshots until saves is closed. It is a goroutine of its own,
// since a slow disk must not hold up the next revision. What could not be written
// is tried again: a disk may be full for a while only.
func (p *Pipeline) saveAll() {
	var failed *gateway.Snapshot
	again := time.NewTicker(p.opts.SaveAgain)
	defer again.Stop()
	for {
		var s *gateway.Snapshot
		select {
		case next, ok := <-p.saves:
			if !ok {
				return
			}
			s = next
			again.Reset(p.opts.SaveAgain)
		case <-again.C:
			if s = failed; s == nil {
				continue
			}
		}
		switch err := p.opts.Store.Save(s); {
		case err != nil && failed != s:
			p.log.Error("the last good revision is not kept for a restart; this is tried again", "revision", s.Revision(),
				"error", err, "every", p.opts.SaveAgain)
			failed = s
			p.metrics.saveFailed.Set(1)
		case err == nil && failed != nil:
			p.log.Info("the last good revision is kept again", "revision", s.Revision())
			failed = nil
			p.metrics.saveFailed.Set(0)
		}
	}
}

// stored makes the revision of an earlier run the one to fall back on.
func (p *Pipeline) stored() {
	if p.opts.Store == nil {
		return
	}
	snapshot, err := p.opts.Store.Load()
	switch {
	case errors.Is(err, ErrNothingStored):
	case err != nil:
		p.log.Warn("the last good revision cannot be used", "error", err)
	default:
		p.kept = snapshot.Revision()
		p.good = &candidate{snapshot: snapshot, record: &Record{
			Revision: snapshot.Revision(), State: Acked, Origin: FromStore, Time: time.Now(),
		}}
	}
}
