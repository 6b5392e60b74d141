package revision

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"gatehouse/gateway"
	"gatehouse/xds"
)

// InvalidError says that there is nothing to serve: the definitions are broken,
// and no good revision of an earlier run is stored.
type InvalidError struct {
	Diagnostics gateway.Diagnostics
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("the definitions cannot be served, and no good revision is stored:\n%v", e.Diagnostics.Err())
}

// applier is one step that a revision has to pass. Before the last one, nothing
// that serves is touched.
type applier struct {
	name  string
	apply func(context.Context, *candidate) gateway.Diagnostics
}

func (p *Pipeline) appliers() []applier {
	return []applier{
		{"prepare", p.prepare},
		{"translate", p.translate},
		{"set", p.set},
	}
}

// Start reads the definitions and serves them. If that is not possible it serves
// the last good revision of an earlier run; without one it fails, with an
// *InvalidError if the definitions are to blame.
func (p *Pipeline) Start(ctx context.Context) error {
	p.stored()
	failed := p.reload(ctx, false)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("reading the definitions: %w", ctx.Err())
	case failed != nil && p.good == nil:
		return &InvalidError{failed.Diagnostics}
	case failed != nil:
		p.report(failed, "the definitions cannot be served; serving the last good revision of an earlier run until they are mended")
		if !p.restore(ctx) {
			return &InvalidError{failed.Diagnostics}
		}
	}
	p.renew(ctx)
	p.publish()
	return nil
}

// reload takes the definitions through all steps. It returns the record of an
// attempt that failed, which is not yet reported. One that failed as the one before it
// is no news, unless somebody asked for it.
func (p *Pipeline) reload(ctx context.Context, retry bool) (failed *Record) {
	c := &candidate{record: &Record{State: Failed, Origin: FromFiles, Time: time.Now()}}
	if !p.step(ctx, c, applier{"load", p.load}) {
		return p.fail(ctx, c.record, "load", retry)
	}
	c.record.Revision = c.id()
	if known := p.known(c, retry); known != nil {
		switch {
		case p.serving == nil || known != p.serving.record: // It was refused, and told of.
		case p.latest != known:
			p.log.Info("the definitions are again those that are served", "revision", c.id())
		case retry:
			// Somebody asked, and wants to know what came of it.
			p.log.Info("the definitions are those that are served", "revision", c.id())
		}
		known.Diagnostics = slices.Concat(c.record.Diagnostics, known.applied, ofEnvoy(known.Diagnostics))
		known.Diagnostics.Sort()
		p.latest = known
		return nil
	}
	for _, a := range p.appliers() {
		if !p.step(ctx, c, a) {
			return p.fail(ctx, c.record, a.name, retry)
		}
	}
	c.record.Diagnostics.Sort()
	p.remember(c.record)
	p.applied(ctx, c)
	return nil
}

// known gives the record of a revision that need not be applied (again).
func (p *Pipeline) known(c *candidate, retry bool) *Record {
	switch {
	case p.serving != nil && p.serving.id() == c.id() && (!retry || p.serving.record.State != Rejected):
		return p.serving.record
	case p.refused != nil && p.refused.id() == c.id() && !retry:
		return p.refused.record
	default:
		return nil
	}
}

// step runs one applier, and reports whether the revision may go on.
func (p *Pipeline) step(ctx context.Context, c *candidate, a applier) bool {
	begin := time.Now()
	ds := p.guarded(ctx, c, a)
	took := time.Since(begin)
	p.metrics.step(a.name, took)
	c.record.Steps = append(c.record.Steps, Timing{a.name, took})
	c.record.Diagnostics = append(c.record.Diagnostics, ds...)
	if a.name != "load" {
		c.record.applied = append(c.record.applied, ds...)
	}
	return !ds.HasErrors()
}

// guarded turns a panic into a diagnostic. Definitions come from anywhere, and one
// that hits a mistake of ours must not stop what serves the others.
func (p *Pipeline) guarded(ctx context.Context, c *candidate, a applier) (ds gateway.Diagnostics) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("a mistake in gatehouse: please report it", "step", a.name, "panic", r, "stack", string(debug.Stack()))
			ds.Errorf("internal-error", gateway.Position{}, "", "please report it, with the log", "gatehouse failed to %s the definitions: %v", a.name, r)
		}
	}()
	return a.apply(ctx, c)
}

// fail books an attempt that was stopped. An attempt that the end of the program
// cut short is nobody's mistake.
func (p *Pipeline) fail(ctx context.Context, record *Record, step string, retry bool) *Record {
	if ctx.Err() != nil {
		return nil
	}
	record.Diagnostics.Sort()
	if last := p.latest; !retry && last != nil && last.State == Failed && last.Revision == record.Revision && slices.Equal(last.Diagnostics, record.Diagnostics) {
		return nil
	}
	p.metrics.rejections.WithLabelValues(step).Inc()
	p.remember(record)
	return record
}

func (p *Pipeline) load(ctx context.Context, c *candidate) gateway.Diagnostics {
	snapshot, ds := p.opts.Load(ctx)
	if snapshot == nil && !ds.HasErrors() {
		ds.Errorf("load-failed", gateway.Position{}, "", "", "the definitions could not be read")
	}
	c.snapshot = snapshot
	return ds
}

// prepare has the services compile what they need. Nothing is in use yet.
func (p *Pipeline) prepare(_ context.Context, c *candidate) (ds gateway.Diagnostics) {
	c.swaps = nil
	for _, prepare := range p.opts.Services {
		swap, found := prepare(c.snapshot)
		ds = append(ds, found...)
		if !found.HasErrors() {
			c.swaps = append(c.swaps, swap)
		}
	}
	return ds
}

func (p *Pipeline) translate(_ context.Context, c *candidate) (ds gateway.Diagnostics) {
	c.output, ds = p.translator.Translate(c.snapshot)
	if c.output == nil {
		return ds
	}
	if p.opts.NoRateLimit {
		for _, g := range c.output.CountShared {
			if g.Services.RateLimit == nil {
				ds.Warnf("no-ratelimit-service", g.Source, "", "say where one is, with services: {ratelimit: …}, or give this process the role ratelimit too",
					"quotas and shared throttles need a rate limit service, and there is none here: their failure modes hold for requests of the gateway %s", g.Name)
			}
		}
	}
	if p.opts.NoTelemetry {
		for i := range c.snapshot.Gateways {
			if g := &c.snapshot.Gateways[i]; g.Telemetry && g.Services.Telemetry == nil {
				ds.Warnf("no-telemetry-service", g.Source, "", "say where one is, with services: {telemetry: …}, or give this process the role telemetry too",
					"the Envoys of the gateway %s tell about requests, and there is nobody here to be told: they are not logged, and not counted", g.Name)
			}
		}
	}
	if p.opts.NoIntegration {
		for _, g := range c.output.IntegrateThere {
			ds.Warnf("no-integration-service", g.Source, "", "say where one is, with services: {integration: …}, or give this process the role integration too",
				"routes of the gateway %s need an integration service, and there is none here: they are answered 500 or 503", g.Name)
		}
	}
	if !p.opts.NoAuthorization {
		return ds
	}
	for _, g := range c.output.AskControlPlane {
		ds.Warnf("no-authorization-service", g.Source, "", "say where one is, with services: {authorization: …}, or give this process the role extauthz too",
			"routes of the gateway %s need an authorization service, and there is none here: they are answered 500", g.Name)
	}
	return ds
}

// set hands the resources to the Envoys. A refusal by one of them is no failure
// here: it is followed up like one that comes later. The services go first, so that no
// Envoy asks them about a route that they do not know; they go back if nothing is set.
func (p *Pipeline) set(ctx context.Context, c *candidate) (ds gateway.Diagnostics) {
	set := false
	for _, swap := range c.swaps {
		back := swap()
		defer func() {
			if !set {
				back()
			}
		}()
	}
	var err error
	if p.opts.Target != nil {
		err = p.opts.Target.Set(ctx, xds.Revision{ID: c.id(), Gateways: c.output.Gateways})
	}
	var invalid *xds.InvalidError
	var rejected *xds.RejectedError
	switch {
	case err == nil:
	case errors.As(err, &rejected):
		for _, n := range rejected.NACKs {
			p.mail.refused(n)
		}
	case errors.As(err, &invalid):
		ds = Invalid(invalid, c.output)
	default:
		ds.Errorf("not-set", gateway.Position{}, "", "", "%v", err)
	}
	set = !ds.HasErrors()
	return ds
}

// applied makes a revision the one that is served.
func (p *Pipeline) applied(_ context.Context, c *candidate) {
	c.record.State = Applied
	told := map[warning]bool{}
	if p.serving != nil {
		for _, d := range p.serving.record.Diagnostics {
			told[aboutWhat(d)] = true
		}
	}
	p.serving = c
	p.log.Info("revision applied", "revision", c.id(), "gateways", len(c.output.Gateways), "apis", len(c.snapshot.APIs),
		"warnings", len(c.record.Diagnostics), "took", c.record.Took().Round(time.Microsecond))
	for _, d := range c.record.Diagnostics {
		if !told[aboutWhat(d)] {
			p.log.Warn("definition warning", "revision", c.id(), "diagnostic", d.String())
		}
	}
}

// warning is what a warning is about, wherever in its file that stands now.
type warning struct{ file, code, message string }

// aboutWhat tells warnings that the log had already: what calls of the management API change
// has a revision for each call, and those of all APIs would be told with each.
func aboutWhat(d gateway.Diagnostic) warning { return warning{d.Pos.File, d.Code, d.Message} }

// report logs an attempt that failed, all its problems included.
func (p *Pipeline) report(record *Record, message string) {
	for _, d := range record.Diagnostics {
		level := p.log.Error
		if d.Severity == gateway.Warning {
			level = p.log.Warn
		}
		level("definition problem", "diagnostic", d.String())
	}
	about := []any{"problems", len(record.Diagnostics)}
	if record.Revision != "" {
		// What could not be read has none.
		about = append(about, "refused", record.Revision)
	}
	if p.serving != nil {
		about = append(about, "serving", p.serving.id())
	} else if p.good != nil {
		about = append(about, "serving", p.good.id())
	}
	p.log.Error(message, about...)
}

// remember makes a record the latest, and drops the oldest.
func (p *Pipeline) remember(record *Record) {
	p.latest = record
	p.history = append([]*Record{record}, p.history...)
	p.history = p.history[:min(len(p.history), p.opts.History)]
}

// publish shows where things stand.
func (p *Pipeline) publish() {
	s := Status{Latest: p.latest.clone()}
	if p.serving != nil {
		s.Serving = p.serving.record.clone()
		p.snapshot.Store(p.serving.snapshot)
		p.output.Store(p.serving.output)
	}
	for _, record := range p.history {
		s.History = append(s.History, record.clone())
	}
	p.status.Store(&s)
	p.metrics.show(s, time.Now())
	if p.opts.OnChange != nil {
		p.opts.OnChange(s)
	}
}
