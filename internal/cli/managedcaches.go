package cli

import (
	"context"
	"errors"

	"gatehouse/extauthz"
)

// managedCaches are the caches of stages that callers of the management API may empty:
// those that the roles of this process keep.
type managedCaches struct {
	// authorizers is nil without the role extauthz.
	authorizers *extauthz.Server
}

// errAuthorizersElsewhere is for processes that cannot reach what they are to empty.
var errAuthorizersElsewhere = errors.New("what authorizers answered is kept by other processes, those with the role extauthz: it cannot be forgotten from here")

// FlushAuthorizers forgets what the authorizers of a stage answered.
func (m managedCaches) FlushAuthorizers(_ context.Context, api, stage string) error {
	if m.authorizers == nil {
		return errAuthorizersElsewhere
	}
	m.authorizers.FlushAuthorizers(api, stage)
	return nil
}

// FlushData has nothing to forget: no role keeps answers of backends.
func (m managedCaches) FlushData(context.Context, string, string) error { return nil }
