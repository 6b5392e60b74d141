package cli

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/envoyproc"
	"gatehouse/xds"
)

const (
	// askTimeout bounds how long an Envoy may take to judge a gateway.
	askTimeout = time.Minute
	// askSettle is how long an Envoy that refused something may go on to refuse
	// more: resources that came together are sent again one by one.
	askSettle = 300 * time.Millisecond
)

// errJudged ends an Envoy that has said all there is to say.
var errJudged = errors.New("envoy has judged everything")

// askAs runs an Envoy as one gateway until it has taken or refused everything, and
// gives what it refused.
func askAs(ctx context.Context, binary, gatewayName string, server *xds.Server, id, address string) ([]xds.NACK, error) {
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	b, err := xds.Bootstrap(xds.BootstrapOptions{NodeID: "validate", Gateway: gatewayName, Address: address, Integration: address, Admin: admin})
	if err != nil {
		return nil, err
	}
	config, err := xds.BootstrapYAML(b)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	var nacks []xds.NACK
	group.Go(func() error {
		return envoyproc.Supervisor{Path: binary, Bootstrap: config, DrainTime: time.Millisecond}.Run(ctx)
	})
	group.Go(func() error {
		if err := awaitReady(ctx, admin); err != nil {
			return err
		}
		out, err := server.Wait(ctx, id)
		if err == nil && out.State == xds.Rejected {
			time.Sleep(askSettle)
			out, err = server.Wait(ctx, id)
		}
		if err != nil {
			return err
		}
		nacks = out.NACKs
		return errJudged
	})
	if err := group.Wait(); !errors.Is(err, errJudged) {
		return nil, err
	}
	return nacks, nil
}
