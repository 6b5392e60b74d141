package oidc

import (
	"context"
	"errors"

	"gatehouse/gateway"
)

// Keys gives an issuer with its key set: that of the definitions, else that which is kept
// because it is served, else one that is fetched for this once.
func (k *Keeper) Keys(ctx context.Context, of gateway.Issuer) (gateway.Issuer, error) {
	if of.JWKS != "" && !of.Fetched {
		return of, nil
	}
	k.mu.Lock()
	kept := k.issuers[identity(of)]
	if kept != nil && kept.keys != "" {
		of.JWKS, of.Fetched = kept.keys, true
	}
	k.mu.Unlock()
	if of.JWKS != "" {
		return of, nil
	}
	r, err := newRemote(of, k.opts.Fetch)
	if err != nil {
		return of, err
	}
	got, err := r.fetch(ctx)
	switch {
	case err != nil:
		return of, r.plain(err)
	case got.set.JSON == "":
		return of, errors.New("there are none")
	}
	of.JWKS, of.Fetched = got.set.JSON, true
	return of, nil
}
