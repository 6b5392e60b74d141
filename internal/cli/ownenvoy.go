package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/envoyproc"
	"gatehouse/internal/revision"
	"gatehouse/xds"
)

// superviseEnvoy runs an Envoy as one of the gateways until the context ends, and
// says on out where it listens.
func (c *controlPlane) superviseEnvoy(ctx context.Context, binary string, flags runFlags, out io.Writer) error {
	snapshot := c.pipeline.Snapshot()
	name, err := chooseGateway(snapshot, flags.gateway)
	if err != nil {
		return err
	}
	if ds := portsInUse(ctx, snapshot, name); ds.HasErrors() {
		return ds.Err()
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("naming the envoy: %w", err)
	}
	for range maxAdminTries {
		var admin string
		if admin, err = c.adminAddress(flags); err != nil {
			return err
		}
		err = c.superviseAt(ctx, binary, &ownEnvoy{admin: admin, node: host, gateway: name}, flags, out)
		if err == nil || flags.adminChosen && !anyPort(flags.admin) || !strings.Contains(err.Error(), "cannot bind '"+admin+"'") {
			return err
		}
		c.log.Info("somebody else was faster at the port for envoy's admin interface; trying another", "admin", admin)
	}
	return err
}

// maxAdminTries is how often a free port is looked for.
const maxAdminTries = 5

// anyPort reports whether an address leaves the port to the system.
func anyPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port == "0"
}

// superviseAt is superviseEnvoy with the admin interface at an address.
func (c *controlPlane) superviseAt(ctx context.Context, binary string, own *ownEnvoy, flags runFlags, out io.Writer) error {
	bootstrap, err := xds.Bootstrap(xds.BootstrapOptions{
		NodeID: own.node, Gateway: own.gateway, Address: dialable(c.xdsSocket.Addr()), Integration: dialable(c.integrationSocket.Addr()), Admin: own.admin,
	})
	if err != nil {
		return err
	}
	config, err := xds.BootstrapYAML(bootstrap)
	if err != nil {
		return err
	}

	c.own.Store(own)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return envoyproc.Supervisor{
			Path: binary, Bootstrap: config, LogLevel: flags.envoyLogLevel.value, DrainTime: flags.drainTime,
			Log: c.log.With("component", "envoy"),
		}.Run(ctx)
	})
	group.Go(func() error {
		if awaitReady(ctx, own.admin) != nil {
			return nil // The context ended; why is told by whoever ended it.
		}
		return c.announce(ctx, own.gateway, out)
	})
	return group.Wait()
}

// adminAddress gives the admin interface a port that is free: the default one is
// but a habit, which another Envoy on the machine may have as well.
func (c *controlPlane) adminAddress(flags runFlags) (string, error) {
	l, err := listen("--admin", flags.admin)
	if err != nil && !flags.adminChosen {
		return freeAddress()
	}
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// dialable is an address that our own Envoy reaches a socket by.
func dialable(a net.Addr) string {
	if a.Network() == "unix" {
		return xds.UnixPrefix + a.String()
	}
	address, err := netip.ParseAddrPort(a.String())
	if err != nil || !address.Addr().IsUnspecified() {
		return a.String()
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), address.Port()).String()
}

// announce says where the gateway listens, as soon as Envoy has taken the first
// revision, and again when that changes. If it refuses the very first, and there
// is no other, there is nothing to go on with.
func (c *controlPlane) announce(ctx context.Context, gatewayName string, out io.Writer) error {
	var said []string
	for {
		if serving := c.pipeline.Status().Serving; said == nil && serving.State == revision.Rejected {
			return fmt.Errorf("envoy refused the definitions:\n%w", serving.Diagnostics.Err())
		}
		snapshot := c.pipeline.Snapshot()
		outcome, err := c.xds.Wait(ctx, snapshot.Revision())
		if err != nil {
			return nil // The context ended.
		}
		urls := sampleURLs(snapshot, gatewayName)
		if outcome.State == xds.Acked && outcome.Nodes > 0 && !slices.Equal(urls, said) {
			refused := c.confirm(ctx, snapshot)
			for _, n := range refused {
				c.pipeline.Refused(n)
			}
			if len(refused) == 0 && c.pipeline.Snapshot() == snapshot {
				for _, url := range urls {
					fmt.Fprintf(out, "listening %s\n", url)
				}
				said = urls
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
		}
	}
}
