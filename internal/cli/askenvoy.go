package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"gatehouse/gateway"
	"gatehouse/internal/envoyproc"
	"gatehouse/internal/revision"
	"gatehouse/translator"
	"gatehouse/xds"
)

// searchEnvoy is the value of "--envoy" without a path.
const searchEnvoy = "search"

// envoyFlag is validate's --envoy: absent, or alone, or with a path.
type envoyFlag struct {
	wanted bool
	path   string
}

// Set takes the flag's value in.
func (f *envoyFlag) Set(value string) error {
	f.wanted, f.path = true, value
	if value == searchEnvoy {
		f.path = ""
	}
	return nil
}

func (f *envoyFlag) String() string { return f.path }

// Type is the word for the value in the help.
func (f *envoyFlag) Type() string { return "path" }

// askEnvoy sends what every gateway would be sent to a real Envoy, and gives what
// it refuses, at the lines that asked for it. Envoy's own --mode validate would
// not do: it looks at static configuration only, and stops at the first problem.
func askEnvoy(ctx context.Context, path string, output *translator.Output) (gateway.Diagnostics, error) {
	binary, err := envoyproc.Find(path)
	if err != nil {
		return nil, err
	}
	server := xds.New(xds.Options{Log: slog.New(slog.DiscardHandler)})
	defer server.Close()
	harmless := map[string]xds.Resources{}
	for name, resources := range output.Gateways {
		harmless[name] = withoutEffects(resources)
	}
	if err := server.Set(ctx, xds.Revision{ID: output.Revision, Gateways: harmless}); err != nil {
		return nil, err
	}
	socket, err := listen("--xds-address", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	streams := grpc.NewServer(xds.ServerOptions()...)
	server.Register(streams)
	var group errgroup.Group
	group.Go(func() error { return streams.Serve(socket) })

	var ds gateway.Diagnostics
	for _, name := range slices.Sorted(maps.Keys(output.Gateways)) {
		nacks, askErr := askAs(ctx, binary, name, server, output.Revision, socket.Addr().String())
		for _, n := range nacks {
			ds = append(ds, revision.Refusals(n, output)...)
		}
		if askErr != nil {
			err = fmt.Errorf("asking envoy about gateway %s: %w", name, askErr)
			break
		}
	}
	streams.Stop()
	if serveErr := group.Wait(); err == nil {
		err = serveErr
	}
	return ds, err
}

// withoutEffects gives resources that Envoy judges alike, but that open no port
// and send no health checks.
func withoutEffects(resources xds.Resources) xds.Resources {
	out := maps.Clone(resources)
	out[xds.ListenerType] = map[string]proto.Message{}
	for name, m := range resources[xds.ListenerType] {
		l, ok := proto.Clone(m).(*listenerv3.Listener)
		if ok && l.GetInternalListener() == nil {
			l.BindToPort = wrapperspb.Bool(false)
		}
		out[xds.ListenerType][name] = l
	}
	out[xds.ClusterType] = map[string]proto.Message{}
	for name, m := range resources[xds.ClusterType] {
		if c, ok := proto.Clone(m).(*clusterv3.Cluster); ok {
			c.HealthChecks = nil
			out[xds.ClusterType][name] = c
		}
	}
	return out
}
