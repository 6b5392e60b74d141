package cli

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"

	"gatehouse/gateway"
)

// allGateways is the gateway name that stands for all of them.
const allGateways = ""

// portsInUse reports listeners of a gateway whose address another program has.
// Envoy itself would not always tell: it shares its ports with other Envoys, who
// then get a part of the connections each.
func portsInUse(ctx context.Context, s *gateway.Snapshot, gatewayName string) (ds gateway.Diagnostics) {
	for _, g := range s.Gateways {
		if g.Name != gatewayName && gatewayName != allGateways {
			continue
		}
		for _, l := range g.Listeners {
			address := net.JoinHostPort(l.Address, strconv.FormatUint(uint64(l.Port), 10))
			// Envoy itself tells of all other reasons: it may have rights that we lack.
			if errors.Is(tryListen(ctx, address), syscall.EADDRINUSE) {
				ds.Errorf("port-in-use", l.Source, "", "stop the other program, or change the port", "another program listens on %s", address)
			}
		}
	}
	return ds
}

func tryListen(ctx context.Context, address string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}
