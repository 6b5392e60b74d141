package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"gatehouse/dashboard"
	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/integration/stagecache"
	"gatehouse/integration/websocket"
	"gatehouse/internal/oidc"
	"gatehouse/internal/otlp"
	"gatehouse/internal/revision"
	"gatehouse/internal/watch"
	"gatehouse/internal/webhook"
	"gatehouse/management/flushes"
	"gatehouse/portal"
	"gatehouse/ratelimit"
	"gatehouse/telemetry"
	"gatehouse/telemetry/archive"
	"gatehouse/telemetry/cost"
	"gatehouse/telemetry/history"
	"gatehouse/telemetry/metering"
	"gatehouse/xds"
)

// controlPlane is everything that serve runs: definitions in, and out of them what the
// roles of this process serve.
type controlPlane struct {
	log   *slog.Logger
	paths []string
	// stdout is where access logs go whose destination is that.
	stdout io.Writer
	loader interface {
		Load(ctx context.Context, paths []string) definition.Result
	}
	// stored is what the management API keeps, which the loader loads, too; nil where
	// there is none.
	stored *stored
	// caches empty those of the roles of this process.
	caches flushes.Targets
	// managementAPI is nil without the role management, openManagement lets everyone in.
	managementAPI  http.Handler
	openManagement bool
	// dashboard is nil where there is nothing to show on it; access is who may see it, nil
	// for everyone.
	dashboard *dashboard.Server
	access    *dashboard.Access
	// approvals has requests for API keys be decided on at the dashboard.
	approvals bool
	accountID string
	// prices are what the dashboard shows costs by.
	prices   []*cost.Table
	watcher  *watch.Watcher
	pipeline *revision.Pipeline
	// issuers is asked for the keys that tokens are verified with.
	issuers *oidc.Keeper
	metrics *prometheus.Registry
	// otlp reports metrics and spans, nil where nobody wants them.
	otlp  *otlp.Push
	roles rolesFlag
	// limits is where the role ratelimit keeps its counts.
	limits limitStore
	// limitFiles are limits that are not of definitions; nil without any.
	limitFiles     *limitFiles
	limitFileFlags limitFileFlags
	// dataDir is empty where nothing can be kept.
	dataDir string
	// stageCaches is where the role integration keeps what stages cache, nil for its own
	// memory; flush empties the cache of a stage, nil without the role.
	stageCaches stagecache.Store
	flush       func(ctx context.Context, api, stage string) error
	// connected counts who is connected by WebSockets, nil without the role integration.
	connected func(api, stage string) int
	// usage is the page about usage, nil without the role that counts it; writable tells
	// that only this machine reaches it.
	usage    http.Handler
	counting *ratelimit.Server
	writable bool
	// metered is what bills are made of, nil where nothing is metered.
	metered *metering.Meter
	// logs are access logs and the metrics of APIs; nil without the role telemetry.
	logs *telemetry.Server
	// history is what people look at, and toldCache hears of answers that were kept; both are
	// nil without the role telemetry.
	history   *history.History
	toldCache func(requestID, result string)
	// archive knows what is longer ago, nil without --prometheus-url.
	archive *archive.Source
	// services are what the roles have started. One of them may be xds; without it no
	// Envoys connect, and xds is nil.
	services []service
	xds      *xds.Server
	grpc     *grpc.Server
	health   *health.Server
	http     *http.Server
	// files are those of the last load. They belong to the pipeline's goroutine.
	files []string
	// The sockets are open from the beginning: an address that is taken is known
	// before anything else happens.
	xdsSocket, httpSocket net.Listener
	httpTLS               httpTLSFlags
	// metricsSocket is for those who may read the metrics and nothing else, metricsOnly what
	// they are served by; both are nil without --metrics-address.
	metricsSocket net.Listener
	metricsOnly   *http.Server
	// portal serves sites for developers, nil without the role; portalOff tells that there is
	// no address for them, and portalSocket is nil then.
	portal *portal.Server
	// webhook is told of requests for keys, nil where nobody is.
	webhook      *webhook.Sender
	portalOff    bool
	portalURL    string
	portalSocket net.Listener
	// directory finds the WebSocket connections of other processes, nil without Redis.
	directory websocket.Directory
	// integrationSocket is nil without the role integration.
	integrationSocket net.Listener
	// own is the Envoy of run, once it is started; nil in serve.
	own *atomic.Pointer[ownEnvoy]
	// changed holds a token when the pipeline's status has changed.
	changed chan struct{}
}

// newControlPlane puts the parts together. Nothing runs before run.
func newControlPlane(ctx context.Context, definitions definition.Options, flags serveFlags, paths []string, log *slog.Logger, stdout io.Writer) (_ *controlPlane, err error) {
	if err := flags.check(); err != nil {
		return nil, err
	}
	if paths, err = flags.definitions(paths); err != nil {
		return nil, err
	}
	definitions.AccountID = flags.management.accountID
	known := paths
	if len(known) == 0 {
		// The store stays the same when a file comes to be there.
		known = []string{defaultPath}
		if flags.roles.has("management") {
			log.Info("there is no " + defaultPath + " here: serving what the management API is told, and nothing else")
		}
	}
	store, err := openStore(flags.dataDir, known, flags.limitFiles.paths, flags.roles, log)
	if err != nil {
		return nil, err
	}
	options, err := xdsServerOptions(flags)
	if err != nil {
		return nil, err
	}

	c := &controlPlane{
		log: log, paths: paths, changed: make(chan struct{}, 1), own: new(atomic.Pointer[ownEnvoy]),
		metrics: prometheus.NewRegistry(), health: health.NewServer(), roles: flags.roles,
		limitFileFlags: flags.limitFiles, stdout: stdout, portalOff: flags.portal.address == "", portalURL: flags.portal.url,
	}
	c.writable, c.httpTLS = loopback(flags.httpAddress), flags.httpTLS
	c.openManagement, c.accountID = c.writable, flags.management.accountID
	if flags.management.openChosen != nil && flags.management.openChosen() {
		c.openManagement = flags.management.open
	}
	c.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	c.watcher = watch.New(watch.Options{Log: log.With("component", "watch")})
	c.issuers = oidc.New(oidc.Options{
		Path: issuerKeysFile(store), Log: log.With("component", "issuers"), Registerer: c.metrics,
		OnChange: func() { c.pipeline.Reload(false) },
		Timing:   oidc.Timing{MaxAge: flags.issuerKeysMaxAge},
	})
	defer func() {
		if err != nil {
			c.issuers.Close()
		}
	}()
	c.grpc = grpc.NewServer(options...)
	grpc_health_v1.RegisterHealthServer(c.grpc, c.health)
	pipeline := revision.Options{
		Load: c.load, Renew: c.issuers.Renew, Confirm: c.confirm, Store: store,
		Log: log.With("component", "revision"), Registerer: c.metrics,
		OnChange: c.statusChanged,
	}
	if store != nil {
		c.dataDir = filepath.Dir(store.Path())
	}
	if flags.prometheusURL != "" {
		if c.archive, err = archive.New(flags.prometheusURL); err != nil {
			return nil, usagef("--prometheus-url: %w", err)
		}
	}
	if c.webhook, err = flags.portal.startWebhook(log, c.metrics); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && c.webhook != nil {
			c.webhook.Close()
		}
	}()
	if c.stored, err = openStored(ctx, flags, c.dataDir, definitions, log); err != nil {
		return nil, err
	}
	if c.loader = definition.NewLoader(definitions); c.stored != nil {
		c.loader = c.stored
		defer func() {
			if err != nil {
				c.stored.close()
			}
		}()
	}
	if c.roles.has("ratelimit") {
		if c.limits, err = openLimitStore(flags.limits, c.dataDir, log.With("component", "ratelimit"), c.metrics); err != nil {
			return nil, err
		}
	}
	if c.roles.has("integration") {
		if c.directory, err = openDirectory(flags.limits, log.With("component", "integration")); err != nil {
			return nil, err
		}
		if c.stageCaches, err = openStageCaches(flags.limits.redisURL, log.With("component", "integration"), c.metrics); err != nil {
			return nil, err
		}
	}
	if c.roles.has("telemetry") || c.roles.has("integration") {
		c.metered = openMeter(c.dataDir, log.With("component", "metering"), c.metrics)
	}
	if c.prices, err = priceTables(flags.prices); err != nil {
		return nil, err
	}
	c.approvals = flags.dashboard.approvals
	if c.access, err = c.dashboardAccess(&flags.dashboard, flags.httpAddress); err != nil {
		return nil, err
	}
	if c.otlp, err = otlp.Start(ctx, otlp.Options{
		Endpoint: flags.otlpEndpoint, Metrics: c.metrics, Registerer: c.metrics, Log: log.With("component", "otlp"), Version: thisBuild().Version, Instance: instanceID(flags.httpAddress),
	}); err != nil {
		return nil, err
	}
	starts := []func(*controlPlane) service{}
	for _, r := range c.roles.chosen() {
		starts = append(starts, r.start)
	}
	// Last, since it shows what the others know.
	for _, start := range append(starts, (*controlPlane).startDashboard) {
		s := start(c)
		if s.register != nil {
			s.register(c.grpc)
		}
		if s.prepare != nil {
			pipeline.Services = append(pipeline.Services, s.prepare)
		}
		c.services = append(c.services, s)
	}
	if c.xds != nil {
		pipeline.Target = c.xds
		pipeline.NoAuthorization = !c.roles.has("extauthz")
		pipeline.NoRateLimit = !c.roles.has("ratelimit")
		pipeline.NoTelemetry = !c.roles.has("telemetry")
		pipeline.NoIntegration = !c.roles.has("integration")
	}
	c.showHealth(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	c.pipeline = revision.New(pipeline)
	c.http = &http.Server{
		Handler:           statusHandler(c),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if flags.metricsAddress != "" {
		c.metricsOnly = newMetricsServer(c)
	}

	// Last: whatever fails before leaves no socket open.
	if err := c.openSockets(&flags); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads the definitions, puts the keys of token issuers in, and has the files
// that they consist of watched.
func (c *controlPlane) load(ctx context.Context) (*gateway.Snapshot, gateway.Diagnostics) {
	if len(c.paths) == 0 && c.stored == nil {
		return (&gateway.Snapshot{}).Seal(), nil
	}
	c.watcher.Reading()
	result := c.loader.Load(ctx, c.paths)
	c.watcher.Set(result.Files)
	if !slices.Equal(result.Files, c.files) {
		// A file that was not watched before may have changed since it was read.
		c.files = result.Files
		c.pipeline.Reload(false)
	}
	if result.Snapshot == nil {
		return nil, result.Diagnostics
	}
	snapshot, found := c.issuers.Fill(ctx, result.Snapshot)
	found = append(found, result.Diagnostics...)
	found.Sort()
	return snapshot, found
}

// reload has everything read again, and what is stored tried again: files have changed
// that it may refer to. With retry, so are files that were refused as they are.
func (c *controlPlane) reload(retry bool) {
	if c.stored != nil {
		c.stored.Retry(retry)
	}
	c.pipeline.Reload(retry)
}

// statusChanged tells whoever waits that the pipeline has got further.
func (c *controlPlane) statusChanged(s revision.Status) {
	if c.stored != nil && c.stored.watch(s, c.xds != nil && len(c.xds.Status().Nodes) > 0) {
		c.pipeline.Reload(false)
	}
	if s.Serving != nil {
		c.showHealth(grpc_health_v1.HealthCheckResponse_SERVING)
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// confirm gives what our own Envoy has acknowledged of a revision and does not do.
func (c *controlPlane) confirm(ctx context.Context, s *gateway.Snapshot) []xds.NACK {
	own := c.own.Load()
	if own == nil {
		return nil
	}
	return own.refusals(ctx, s, func(id string) bool {
		serving := c.pipeline.Status().Serving
		return serving != nil && serving.Revision == id
	})
}

// showHealth tells those who ask by gRPC's health checking protocol, for the process
// as a whole and for each of its services.
// See https://github.com/grpc/grpc/blob/master/doc/health-checking.md
func (c *controlPlane) showHealth(status grpc_health_v1.HealthCheckResponse_ServingStatus) {
	c.health.SetServingStatus("", status)
	for _, s := range c.services {
		if s.register != nil {
			c.health.SetServingStatus(s.name, status)
		}
	}
}
