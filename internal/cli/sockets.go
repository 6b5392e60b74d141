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
	if c.xdsSocket, err = listenAt("--xds-address", flags.xdsAddress); err != nil {
		return err
	}
	if c.roles.has("integration") {
		if c.integrationSocket, err = flags.listenIntegration(); err != nil {
			return err
		}
	}
	if c.portal != nil && flags.portal.address != "" {
		if c.portalSocket, err = listen("--portal-address", flags.portal.address); err != nil {
			return err
		}
	}
	if c.metricsOnly != nil {
		if c.metricsSocket, err = listen("--metrics-address", flags.metricsAddress); err != nil {
			return err
		}
	}
	c.httpSocket, err = listen("--http-address", flags.httpAddress)
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

func listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop that, or choose another address with %s", address, flag)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return l, nil
}
