package revision

import (
	"context"
	"slices"

	"gatehouse/gateway"
	"gatehouse/translator"
	"gatehouse/xds"
)

// reject takes in refusals. If they are of the revision that is served, and it
// was not acked before, it returns to the last good one. A revision that was
// acked stays: one odd Envoy that connects later must not undo what serves on
// all others.
func (p *Pipeline) reject(ctx context.Context, nacks []xds.NACK) {
	back := false
	for _, n := range nacks {
		c := p.serving
		switch {
		case c != nil && n.Revision == c.id():
			back = back || c.record.State == Applied
			p.blame(c, n)
		case p.refused != nil && n.Revision == "" && p.refused.has(n):
			// A further refusal that was on its way when the revision was taken back.
			p.blame(p.refused, n)
		}
	}
	if !back {
		return
	}
	c := p.serving
	c.record.State = Rejected
	p.refused = c
	p.metrics.rejections.WithLabelValues("envoy").Inc()
	if p.good == nil || p.good.id() == c.id() {
		p.log.Error("envoy refused the revision, and there is none to return to", "revision", c.id())
		return
	}
	p.log.Error("envoy refused the revision; returning to the last good one", "refused", c.id(), "serving", p.good.id(),
		"hint", "it is tried again when the definitions change, or on SIGHUP")
	p.restore(ctx)
}

// has reports whether what was refused is part of the revision.
func (c *candidate) has(n xds.NACK) bool {
	return slices.ContainsFunc(n.Resources, func(name string) bool {
		return c.output.Gateways[n.Gateway][n.TypeURL][name] != nil
	})
}

// blame turns a refusal into diagnostics at the lines that asked for what was
// refused, and logs each of them once.
func (p *Pipeline) blame(c *candidate, n xds.NACK) {
	record := c.record
	if slices.ContainsFunc(record.Refusals, func(old xds.NACK) bool {
		return old.Node == n.Node && old.TypeURL == n.TypeURL && old.Message == n.Message && slices.Equal(old.Resources, n.Resources)
	}) {
		return
	}
	record.Refusals = append(record.Refusals, n)
	for _, d := range Refusals(n, c.output) {
		if slices.Contains(record.Diagnostics, d) {
			continue
		}
		record.Diagnostics = append(record.Diagnostics, d)
		p.log.Error("refused by envoy", "revision", record.Revision, "node", n.Node, "diagnostic", d.String())
	}
	record.Diagnostics.Sort()
}

// Refusals turns a refusal into one diagnostic per resource, at the line that
// asked for it.
func Refusals(n xds.NACK, output *translator.Output) (ds gateway.Diagnostics) {
	hint := "gateway " + n.Gateway
	if len(n.Resources) == 0 {
		ds.Errorf("envoy-refused", gateway.Position{}, "", hint, "%s: %s", xds.TypeName(n.TypeURL), n.Message)
	}
	for _, name := range n.Resources {
		ds.Errorf("envoy-refused", output.Source(n.TypeURL, name), "", hint, "%s %q: %s", xds.TypeName(n.TypeURL), name, n.Message)
	}
	return ds
}

// Invalid turns what the xDS server would not send into diagnostics at the lines
// that asked for it. The translator should have refused such a definition.
func Invalid(e *xds.InvalidError, output *translator.Output) (ds gateway.Diagnostics) {
	for _, p := range e.Problems {
		ds.Errorf("resource-invalid", output.Source(p.TypeURL, p.Name), "", "gatehouse should have said this in other words: please report it", "%v", p)
	}
	return ds
}

// ofEnvoy are the diagnostics that come from refusals. They outlive another
// reading of the same definitions.
func ofEnvoy(ds gateway.Diagnostics) gateway.Diagnostics {
	return slices.DeleteFunc(slices.Clone(ds), func(d gateway.Diagnostic) bool { return d.Code != "envoy-refused" })
}

// restore serves the last good revision again, and reports whether it can.
func (p *Pipeline) restore(ctx context.Context) bool {
	c := p.good
	if c.output == nil {
		// Stored by an earlier run, perhaps by another version.
		for _, step := range []func(context.Context, *candidate) gateway.Diagnostics{p.prepare, p.translate} {
			if ds := step(ctx, c); ds.HasErrors() {
				p.log.Error("the last good revision cannot be served any more", "revision", c.id(), "error", ds.Err())
				return false
			}
		}
	}
	if ds := p.set(ctx, c); ds.HasErrors() {
		p.log.Error("the last good revision cannot be served any more", "revision", c.id(), "error", ds.Err())
		return false
	}
	c.record.State = Applied
	if c.record.Origin == FromStore && len(p.history) > 0 && !slices.Contains(p.history, c.record) {
		p.history = slices.Insert(p.history, 0, c.record)
	}
	p.serving = c
	p.keep(c.snapshot)
	return true
}
