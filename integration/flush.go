package integration

import (
	"context"
	"errors"
)

// ErrNoCache is the error for a stage that has no cache.
var ErrNoCache = errors.New("the stage has no cache")

// Flush takes everything out of the cache of a stage.
func (s *Server) Flush(ctx context.Context, api, stage string) error {
	serving := s.serving.Load()
	if !serving.cachedStages()[api+"/"+stage] {
		return ErrNoCache
	}
	return s.cache.Flush(ctx, api+"/"+stage)
}

// cachedStages are those whose answers may be asked for.
func (s *serving) cachedStages() map[string]bool {
	names := map[string]bool{}
	for _, c := range []*Compiled{s.current, s.previous} {
		if c == nil {
			continue
		}
		for _, st := range c.stages {
			if st.cache != nil {
				names[st.api+"/"+st.name] = true
			}
		}
	}
	return names
}
