package extauthz

import "gatehouse/internal/wire"

// find looks for the route that an Envoy asks about, first in the revision that is
// served, then in the one before. A route that the newer one knows is never left to the
// older: what was closed stays closed while Envoys still route as they did. But where
// the newer one counts on Envoy to verify tokens, and this Envoy does not yet, the older
// one's authorizer decides, or nobody.
func (s *Server) find(c *check, extensions map[string]string) bool {
	c.base = extensions[wire.ContextBase]
	serving := s.serving.Load()
	c.current = serving.current
	at := stageKey{extensions[wire.ContextAPI], extensions[wire.ContextStage], extensions[wire.ContextCanary] == "true"}
	key := extensions[wire.ContextRoute]
	if c.in(serving.current, at, key) {
		return true
	}
	if c.in(serving.previous, at, key) {
		s.metrics.fallbacks.Inc()
		return true
	}
	return false
}

// in looks for a route in a revision. The routes of a canary that has ended are
// decided by those of its stage.
func (c *check) in(compiled *Compiled, at stageKey, key string) bool {
	if compiled == nil {
		return false
	}
	st := compiled.stages[at]
	if st == nil && at.canary {
		at.canary = false
		st = compiled.stages[at]
	}
	if st == nil {
		return false
	}
	if c.stage == nil {
		// Its kind is that of the answer, whatever becomes of the route.
		c.stage = st
	}
	r := st.routes[key]
	extensions := c.attributes.GetContextExtensions()
	if r == nil || r.tokenInEnvoy && extensions[wire.ContextToken] != "true" && !aboutBody(extensions) {
		return false
	}
	c.stage, c.route, c.compiled = st, r, compiled
	return true
}

// aboutBody reports whether Envoy asks about a request's body only. It has asked about
// the caller before, by another filter.
func aboutBody(extensions map[string]string) bool {
	return extensions[wire.ContextCheck] == wire.CheckBody
}

// describe names the route for the log.
func (c *check) describe() string {
	if c.route == nil {
		extensions := c.attributes.GetContextExtensions()
		return extensions[wire.ContextAPI] + "/" + extensions[wire.ContextStage] + " " + extensions[wire.ContextRoute]
	}
	return c.stage.key.api + "/" + c.stage.key.stage + " " + c.route.key
}
