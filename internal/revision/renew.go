package revision

import (
	"context"
	"slices"
	"time"

	"gatehouse/gateway"
)

// renew serves what is served with what has come to be known since, such as new keys
// of a token issuer. Reading the definitions again does that too, but not while they
// are broken or refused: callers must not suffer from that for as long as it lasts.
func (p *Pipeline) renew(ctx context.Context) {
	old := p.serving
	if p.opts.Renew == nil || old == nil || old.record.State == Rejected || ctx.Err() != nil {
		return
	}
	snapshot := p.opts.Renew(old.snapshot)
	if id := snapshot.Revision(); id == old.id() || p.refused != nil && id == p.refused.id() {
		return
	}
	c := &candidate{snapshot: snapshot, record: &Record{
		Revision: snapshot.Revision(), State: Failed, Origin: old.record.Origin, Time: time.Now(),
		Diagnostics: slices.DeleteFunc(slices.Clone(old.record.Diagnostics), func(d gateway.Diagnostic) bool {
			// The steps find theirs again.
			return d.Code == "envoy-refused" || slices.Contains(old.record.applied, d)
		}),
	}}
	for _, a := range p.appliers() {
		if !p.step(ctx, c, a) {
			p.log.Error("what is served cannot be renewed, and stays as it is", "step", a.name, "serving", old.id(), "error", c.record.Diagnostics.Err())
			return
		}
	}
	// What became of the definitions is another matter, unless they are what is served.
	c.record.Diagnostics.Sort()
	latest := p.latest
	p.remember(c.record)
	if latest != old.record {
		p.latest = latest
	}
	p.applied(ctx, c)
}
