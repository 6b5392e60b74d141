package cli

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/management/source"
	"gatehouse/management/store"
	"gatehouse/translator"
)

// storedCheck tries what a call of the management API would have the gateway serve, before
// the call is answered. Its reading is that of the call's own transaction.
type storedCheck struct{ c *controlPlane }

// Check tries an API, a domain or a portal, by the key of its document, or what else the
// APIs of a region share, by the region. APIs are tried without each other: what one breaks
// is its own, and with the client certificates and VPC links that the transaction sees:
// these may be a moment older than the call, and not be served yet. Domains, portals, and
// what is shared, are tried beside all of them.
func (k storedCheck) Check(ctx context.Context, reader store.Reader, key string) error {
	served := k.c.pipeline.Snapshot()
	if served == nil {
		return nil // nothing to try it beside, which the load will do
	}
	files, err := source.Unit(reader, key)
	if err != nil {
		return err
	}
	if len(files.Paths) == 0 {
		return nil
	}
	isAPI := source.IsAPI(key)
	if isAPI {
		if err := addBackends(&files, reader, key); err != nil {
			return err
		}
	}
	result := k.c.loadVirtual(ctx, &files, without(served, key, isAPI))
	if err := result.Diagnostics.Err(); err != nil || result.Snapshot == nil {
		return told(result.Diagnostics, err)
	}
	if source.IsPortal(key) && k.c.portal != nil {
		_, ds := k.c.portal.Compile(result.Snapshot)
		return told(ds, ds.Err())
	}
	if !isAPI {
		return nil
	}
	var ds gateway.Diagnostics
	for _, s := range k.c.services {
		if s.prepare != nil {
			_, found := s.prepare(result.Snapshot)
			ds = append(ds, found...)
		}
	}
	_, found := translator.New().Translate(result.Snapshot)
	ds = append(ds, found...)
	return told(ds, ds.Err())
}

// addBackends adds what an API refers to by ids to its files.
func addBackends(files *source.Files, reader store.Reader, key string) error {
	backends, err := source.Backends(reader, regionOf(key))
	if err == nil {
		files.Add(backends)
	}
	return err
}

// regionOf is where a unit is, of which the region may be all of its key.
func regionOf(key string) string {
	region, _, _ := strings.Cut(key, "/")
	return region
}

// loadVirtual loads virtual files, and no others, beside what there is.
func (c *controlPlane) loadVirtual(ctx context.Context, files *source.Files, beside *gateway.Snapshot) definition.Result {
	loader := definition.NewLoader(definition.Options{
		Foreign: source.IsVirtual, MayBeEmpty: true, AccountID: c.accountID,
		ReadFile: func(name string) ([]byte, error) {
			if content, ok := files.Content[name]; ok {
				return content, nil
			}
			return nil, os.ErrNotExist
		},
	})
	return loader.LoadBeside(ctx, files.Paths, beside)
}

// without gives what is served without what a unit has put there; and, where an API is
// tried, without other APIs, what refers to them, and what the API's region has for it to
// refer to, as addBackends adds that.
func without(served *gateway.Snapshot, key string, isAPI bool) *gateway.Snapshot {
	base := *served
	// What other portals publish is the business of who says so.
	base.Portals = nil
	if isAPI {
		base.APIs, base.Domains, base.UsagePlans, base.APIKeys = nil, nil, nil, nil
		key = regionOf(key)
	}
	own := func(at gateway.Position) bool {
		return source.IsVirtual(at.File) && source.UnitOf(at.File) == key
	}
	base.Domains = slices.DeleteFunc(slices.Clone(base.Domains), func(d gateway.Domain) bool { return own(d.Source) })
	base.UsagePlans = slices.DeleteFunc(slices.Clone(base.UsagePlans), func(p gateway.UsagePlan) bool { return own(p.Source) })
	base.APIKeys = slices.DeleteFunc(slices.Clone(base.APIKeys), func(k gateway.APIKey) bool { return own(k.Source) })
	base.ClientCertificates = slices.DeleteFunc(slices.Clone(base.ClientCertificates), func(c gateway.ClientCertificate) bool { return own(c.Source) })
	base.VPCLinks = slices.DeleteFunc(slices.Clone(base.VPCLinks), func(l gateway.VPCLink) bool { return own(l.Source) })
	base.Backends = slices.DeleteFunc(slices.Clone(base.Backends), func(b gateway.Backend) bool { return own(b.Source) })
	return &base
}

// told puts diagnostics into the words of one error. Names of virtual files say nothing to
// callers, who have never seen them.
func told(ds gateway.Diagnostics, err error) error {
	if err == nil {
		return nil
	}
	var all []string
	for _, d := range ds {
		if d.Severity != gateway.Error {
			continue
		}
		text := d.Message
		if d.Path != "" {
			text = d.Path + ": " + text
		}
		if d.Hint != "" {
			text += " (" + d.Hint + ")"
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return err
	}
	return errors.New(strings.Join(all, "; "))
}
