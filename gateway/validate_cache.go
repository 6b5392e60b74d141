package gateway

// cache checks what is said of a stage's cache. Who else asks for one would be answered
// anew each time, and not notice.
func (v *validation) cache(a *API, s *Stage) {
	if s.Cache != nil && a.Protocol != REST && a.Protocol != "" {
		v.errorf("cache-not-rest", s.Cache.Source, "remove it; only stages of REST APIs have a cache", "the stage %s/%s of an API of the kind %s has a cache", a.ID, s.Name, a.Protocol)
		return
	}
	for i := range s.Settings {
		if c := s.Settings[i].Cache; c != nil && s.Cache == nil {
			v.errorf("no-stage-cache", c.Source, "add cache: {} to the stage", "%s has settings of a cache, and the stage %s/%s has none", s.Settings[i].RouteKey, a.ID, s.Name)
		}
	}
}
