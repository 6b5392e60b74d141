package cli

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// openSockets opens all that something is served on, or none.
func (c *controlPlane) openSockets(flags *serveFlags) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, c.closeSockets())
		}
	}()
	var open []namedSocket
	if c.xdsSocket, err = listenAt("--xds-address", flags.xdsAddress); err != nil {
		return err
	}
	open = append(open, namedSocket{"--xds-address", c.xdsSocket})
	if c.roles.has("integration") {
		if c.integrationSocket, err = flags.listenIntegration(); err != nil {
			return err
		}
		name := "--integration-address"
		if flags.integrationAddress == "" {
			name += " (the port after --xds-address, unless it is given)"
		}
		open = append(open, namedSocket{name, c.integrationSocket})
	}
	if c.portal != nil && flags.portal.address != "" {
		if c.portalSocket, err = listen("--portal-address", flags.portal.address, open...); err != nil {
			return err
		}
		open = append(open, namedSocket{"--portal-address", c.portalSocket})
	}
	if c.metricsOnly != nil {
		if c.metricsSocket, err = listen("--metrics-address", flags.metricsAddress, open...); err != nil {
			return err
		}
		open = append(open, namedSocket{"--metrics-address", c.metricsSocket})
	}
	c.httpSocket, err = listen("--http-address", flags.httpAddress, open...)
	return err
}

// closeSockets is for those that nothing was served on.
func (c *controlPlane) closeSockets() error {
	var errs []error
	for _, socket := range []net.Listener{c.xdsSocket, c.integrationSocket, c.portalSocket, c.metricsSocket, c.httpSocket} {
		if socket != nil {
			errs = append(errs, socket.Close())
		}
	}
	return errors.Join(errs...)
}

// namedSocket is a socket of this process, and the flag that says where it is.
type namedSocket struct {
	flag string
	net.Listener
}

// listen opens the socket that a flag names. Who is in its place may be one of our own.
func listen(flag, address string, own ...namedSocket) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		for _, other := range own {
			if sameSocket(other.Addr(), address) {
				return nil, fmt.Errorf("%s %s is where %s is: choose another address for one of them", flag, address, other.flag)
			}
		}
		return nil, fmt.Errorf("%s is in use by another program: stop that, or choose another address with %s", address, flag)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return l, nil
}

// sameSocket reports whether somebody who listens is in the way of an address.
func sameSocket(taken net.Addr, address string) bool {
	wanted, err := net.ResolveTCPAddr("tcp", address)
	is, ok := taken.(*net.TCPAddr)
	if err != nil || !ok || wanted.Port != is.Port {
		return false
	}
	every := func(ip net.IP) bool { return ip == nil || ip.IsUnspecified() }
	return every(wanted.IP) || every(is.IP) || wanted.IP.Equal(is.IP)
}
