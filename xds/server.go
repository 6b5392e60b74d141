package xds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
)

var errStateOfTheWorld = errors.New("only delta xDS is served")

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// StaticClusters are clusters of the Envoys' bootstrap that resources may
	// refer to besides ClusterName.
	StaticClusters []string
	// AckTimeout bounds how long Set waits for the Envoys before it goes on to
	// the routes that need what was just sent; a second by default.
	AckTimeout time.Duration
	// SettleTime is how long Set waits for new clusters whose readiness no ACK
	// tells, such as those waiting for DNS; 200 ms by default.
	SettleTime time.Duration
	// LingerTime is how long clusters, filters and the like outlive their last
	// use: a request that was routed by an old route, but is held up by an
	// authorizer, still needs its cluster. Ten seconds by default.
	LingerTime time.Duration
	// OnNACK, if set, is called with every refusal, also those long after Set,
	// by Envoys that connect later. It must return soon and not call Set.
	OnNACK func(NACK)
}

// Server serves the Envoys of all gateways. It is safe for concurrent use.
type Server struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	static  map[string]struct{}
	handler delta.Server
	ctx     context.Context
	cancel  context.CancelFunc

	// setting is held by Set and sweep: one writer of the caches at a time.
	setting chan struct{}
	sweeper *time.Timer

	// mu guards what follows, and what is said so elsewhere. It is never held
	// while a cache is called.
	mu       sync.Mutex
	gateways map[string]*gateway
	streams  map[int64]*stream
	// asking tells, between a stream's request and the watch that answers it, whose
	// it is: go-control-plane does not.
	asking   map[*discoveryv3.DeltaDiscoveryRequest]*stream
	sweeping bool // the sweeper's time is running
	revision string
	complete bool          // all of revision is in the caches
	changed  chan struct{} // closed, and replaced, when any of this changes
}

// New makes a Server that serves nothing yet: Envoys may connect, and are kept
// waiting with what they have until Set defines their gateway.
func New(opts Options) *Server {
	opts.AckTimeout = cmp.Or(opts.AckTimeout, time.Second)
	opts.SettleTime = cmp.Or(opts.SettleTime, 200*time.Millisecond)
	opts.LingerTime = cmp.Or(opts.LingerTime, 10*time.Second)
	s := &Server{
		opts:     opts,
		log:      cmp.Or(opts.Log, slog.Default()),
		metrics:  newMetrics(opts.Registerer),
		static:   map[string]struct{}{},
		setting:  make(chan struct{}, 1),
		gateways: map[string]*gateway{},
		streams:  map[int64]*stream{},
		asking:   map[*discoveryv3.DeltaDiscoveryRequest]*stream{},
		changed:  make(chan struct{}),
	}
	for _, name := range slices.Concat(ownClusters, opts.StaticClusters) {
		s.static[name] = struct{}{}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.sweeper = time.AfterFunc(s.opts.LingerTime, s.sweep)
	s.sweeper.Stop()
	// Types that are named in requests have no legacy wildcard: an Envoy that
	// names none of them after reconnecting wants none, not all.
	s.handler = delta.NewServer(s.ctx, watcher{s}, watcher{s}, delta.DeactivateLegacyWildcardForTypes(
		[]string{RouteType, EndpointType, SecretType, ExtensionConfigType}))
	return s
}

// Register adds the aggregated discovery service to a gRPC server, which should
// have been made with ServerOptions. Only its delta method is implemented.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(r, ads{s: s})
}

// Close ends all streams and makes Set fail, so that the gRPC server can be
// stopped gracefully. Envoys go on with what they have.
func (s *Server) Close() {
	s.cancel()
	s.setting <- struct{}{}
	s.sweeper.Stop()
	<-s.setting
}

// ads is the gRPC face of Server.
type ads struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	s *Server
}

func (a ads) DeltaAggregatedResources(str discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return a.s.handler.DeltaStreamHandler(str, resource.AnyType)
}

const (
	// streamWindow and connWindow are what a client may send ahead: more than most calls
	// have, and a few calls with bodies.
	streamWindow = 1 << 20
	connWindow   = 16 << 20
	// workersPerCPU is so many that calls which wait for something, and the streams of some
	// Envoys, leave others free.
	workersPerCPU = 16
)

// ServerOptions are the gRPC options that long-lived streams of Envoys need, and the
// many short calls that they make of the services beside.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		// An Envoy that vanished without a word is noticed within 40 seconds.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// Our bootstrap makes Envoy ping every 30 seconds; by default gRPC
		// would hang up on anyone pinging more often than every five minutes.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		// A reconnecting Envoy lists every resource it has with its hash: over
		// the default 4 MB at some 30,000 resources.
		grpc.MaxRecvMsgSize(64 << 20),
		grpc.MaxConcurrentStreams(1 << 16),
		// Windows that are given are not measured: otherwise gRPC sends a ping with nearly
		// every call, and Envoy has to answer it.
		grpc.InitialWindowSize(streamWindow), grpc.InitialConnWindowSize(connWindow),
		// A goroutine that is used again has its stack already. Calls for which none is
		// free get one of their own.
		grpc.NumStreamWorkers(uint32(workersPerCPU * runtime.GOMAXPROCS(0))),
	}
}

// gatewayNamed gives a gateway, known or not. It needs mu.
func (s *Server) gatewayNamed(name string) *gateway {
	g := s.gateways[name]
	if g == nil {
		g = newGateway(name)
		s.gateways[name] = g
	}
	return g
}

// dropUnused drops a gateway that nobody has a use for. It needs mu.
func (s *Server) dropUnused(g *gateway) {
	if !g.defined && !g.setting && len(g.streams) == 0 && !g.inUse() {
		delete(s.gateways, g.name)
	}
}

// notify wakes everyone who waits for something that mu guards. It needs mu.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// inUse tells whether a gateway has, or had lately, anything to serve.
func (g *gateway) inUse() bool {
	for _, set := range g.sets {
		if len(set.entries) > 0 {
			return true
		}
	}
	return false
}

// EnvoySeries is the series of Envoy that the resources are made for and tested with.
const EnvoySeries = "1.40"

// otherSeries tells a version that is known, and of another series.
func otherSeries(version string) bool {
	return version != "" && !strings.HasPrefix(version, EnvoySeries+".")
}

func envoyVersion(node *corev3.Node) string {
	if v := node.GetUserAgentBuildVersion().GetVersion(); v != nil {
		return fmt.Sprintf("%d.%d.%d", v.GetMajorNumber(), v.GetMinorNumber(), v.GetPatch())
	}
	return node.GetUserAgentVersion()
}
