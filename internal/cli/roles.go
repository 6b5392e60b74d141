package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/integration/mcp"
	"gatehouse/integration/websocket"
	"gatehouse/internal/revision"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/descriptorfile"
	"gatehouse/telemetry"
	"gatehouse/telemetry/history"
	"gatehouse/xds"
)

// role is a part of what serve does that may have processes of its own.
type role struct {
	name, does string
	// start makes the service; nothing is served before the process is complete.
	start func(*controlPlane) service
}

// roles are all there are. Another one is another line here, and its start.
var roles = []role{
	{"xds", "sends Envoys their configuration", startXDS},
	{"extauthz", "decides who may call, where Envoy asks", startExtAuthz},
	{"ratelimit", "counts quotas and the limits that Envoys share", startRateLimit},
	{"telemetry", "writes access logs of stages, and counts requests", startTelemetry},
	{"integration", "calls functions, and does what else Envoy cannot behind a route", startIntegration},
	{"management", "takes definitions by Amazon's management API, and keeps them", startManagement},
	{"portal", "serves sites for developers, and takes requests for API keys", startPortal},
}

// service is what a role adds to a process: a gRPC service, with name and register, or
// one that serves a socket of its own.
type service struct {
	// name is that of the gRPC service, for health checks.
	name     string
	register func(grpc.ServiceRegistrar)
	// serve answers on the socket for integrations until shutdown, which gives what is
	// under way the time that the context has.
	serve    func(net.Listener) error
	shutdown func(context.Context) error
	// prepare compiles each revision before it is used.
	prepare revision.Prepare
	// endStreams ends what would go on for ever; close ends the rest, when nobody is
	// served any more.
	endStreams, close func()
}

func startXDS(c *controlPlane) service {
	c.xds = xds.New(xds.Options{
		Log: c.log.With("component", "xds"), Registerer: c.metrics,
		OnNACK: func(n xds.NACK) { c.pipeline.Refused(n) },
	})
	return service{
		name:     "envoy.service.discovery.v3.AggregatedDiscoveryService",
		register: func(r grpc.ServiceRegistrar) { c.xds.Register(r) }, endStreams: c.xds.Close,
	}
}

func startExtAuthz(c *controlPlane) service {
	server := extauthz.New(extauthz.Options{Log: c.log.With("component", "extauthz"), Registerer: c.metrics, Tracer: c.otlp.Tracer()})
	c.caches.Authorizers = func(_ context.Context, api, stage string) error {
		server.FlushAuthorizers(api, stage)
		return nil
	}
	return service{
		name:     wire.AuthorizationService,
		register: server.Register,
		prepare: func(s *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
			compiled, ds := server.Compile(s)
			return func() func() { return server.Swap(compiled) }, ds
		},
		close: server.Close,
	}
}

func startRateLimit(c *controlPlane) service {
	log := c.log.With("component", "ratelimit")
	store := c.limits
	// The store itself may do more than the interface says.
	options := ratelimit.Options{Store: store.Store, Replicas: store.replicas, Log: log, Registerer: c.metrics, Tracer: c.otlp.Tracer()}
	if flags := c.limitFileFlags; len(flags.paths) > 0 {
		// The flags were checked when they were read.
		modes, others, _ := flags.modes()
		files := descriptorfile.New(descriptorfile.Options{
			Store: store, FailureModes: modes, FailureMode: others, HeaderPrefix: flags.headers, Log: log, Registerer: c.metrics,
		})
		c.limitFiles = newLimitFiles(flags.paths, keptLimitFiles(c.dataDir), files, modes, log, c.metrics)
		options.Others = files
	}
	server := ratelimit.New(options)
	c.usage, c.counting = server.UsageHandler(), server
	return service{
		name:     wire.RateLimitService,
		register: server.Register,
		prepare: func(s *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
			limits := ratelimit.Compile(s)
			return func() func() { return server.Swap(limits) }, nil
		},
		endStreams: server.EndStreams,
		close: func() {
			server.Close()
			if err := store.close(); err != nil {
				log.Error("the last counts of quotas and usage may not be kept", "error", err)
			}
		},
	}
}

func startIntegration(c *controlPlane) service {
	log := c.log.With("component", "integration")
	logs, ownLogs := c.logs, c.logs == nil
	if ownLogs {
		// Requests are told about where they are served, whoever hears Envoys out.
		logs = telemetry.New(telemetry.Options{Log: c.log.With("component", "telemetry"), Registerer: c.metrics, Stdout: c.stdout, Collector: c.logCollector(), Alone: true})
	}
	webSockets := websocket.New(websocket.Options{Log: log, Registerer: c.metrics, Directory: c.directory, Meter: messageMeter{c.metered}, Observer: logs})
	tools := mcp.New(mcp.Options{Log: log, Registerer: c.metrics})
	server := integration.New(integration.Options{Log: log, Tracer: c.otlp.Tracer(), Registerer: c.metrics, WebSocket: webSockets, MCP: tools, Cache: c.stageCaches, Cached: c.toldCache, Executed: logs.Executed})
	c.flush, c.connected = server.Flush, webSockets.Open
	c.caches.Data = server.Flush
	return service{
		serve: server.Serve,
		shutdown: func(ctx context.Context) error {
			var ending errgroup.Group
			ending.Go(func() error { return server.Close(ctx) })
			ending.Go(func() error { webSockets.Close(ctx); return nil })
			return ending.Wait()
		},
		prepare: func(s *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
			compiled, ds := server.Compile(s)
			connections, more := webSockets.Compile(s)
			endpoints := tools.Compile(s)
			told := func() func() { return func() {} }
			if ownLogs {
				compiled := logs.Compile(s)
				told = func() func() { return logs.Swap(compiled) }
			}
			return func() func() {
				// Whom to tell about connections is known before there are any.
				untold := told()
				back, backward, backwards := server.Swap(compiled), webSockets.Swap(connections), tools.Swap(endpoints)
				return func() { backwards(); backward(); back(); untold() }
			}, append(ds, more...)
		},
		close: func() {
			if ownLogs {
				closeLogs(c, logs)
			}
			if c.stageCaches == nil {
				return
			}
			if err := c.stageCaches.Close(); err != nil {
				c.log.Warn("the connections to Redis did not end well", "error", err)
			}
		},
	}
}

func startTelemetry(c *controlPlane) service {
	log := c.log.With("component", "telemetry")
	c.history = history.New(history.Options{Registerer: c.metrics})
	server := telemetry.New(telemetry.Options{Log: log, Registerer: c.metrics, Stdout: c.stdout, Collector: c.logCollector(), Meter: c.metered, History: c.history})
	c.logs = server
	c.toldCache = server.Cached
	return service{
		name:     wire.TelemetryService,
		register: server.Register,
		prepare: func(s *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
			compiled := server.Compile(s)
			return func() func() { return server.Swap(compiled) }, c.logsWithoutCollector(s)
		},
		close: func() { closeLogs(c, server) },
	}
}

// logCollector sends the lines of stages' logs to a collector; nil where the process has none.
func (c *controlPlane) logCollector() func(kind, api, stage string) io.Writer {
	if !c.otlp.TakesLines() {
		return nil
	}
	return func(kind, api, stage string) io.Writer {
		return c.otlp.Lines("gatehouse.log", kind, "gatehouse.api", api, "gatehouse.stage", stage)
	}
}

// logsWithoutCollector reports logs that are to be sent where there is nobody.
func (c *controlPlane) logsWithoutCollector(s *gateway.Snapshot) (found gateway.Diagnostics) {
	if c.otlp.TakesLines() {
		return nil
	}
	tell := func(what, api, stage string, at gateway.Position) {
		found.Warnf("no-log-collector", at, "", "say where the collector is with --otlp-endpoint", "the %s log of the stage %s/%s is for a collector, and this process has none: its lines are lost", what, api, stage)
	}
	for i := range s.APIs {
		for j := range s.APIs[i].Stages {
			api, st := &s.APIs[i], &s.APIs[i].Stages[j]
			if l := st.AccessLog; l != nil && l.Destination == gateway.DestinationOTLP {
				tell("access", api.ID, st.Name, l.Source)
			}
			if l := st.ExecutionLog; l != nil && l.Destination == gateway.DestinationOTLP {
				tell("execution", api.ID, st.Name, l.Source)
			}
		}
	}
	return found
}

// closeLogs writes what is still to be written of access logs.
func closeLogs(c *controlPlane, logs *telemetry.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := logs.Close(ctx); err != nil {
		c.log.Warn("the last lines of access logs may not be written", "component", "telemetry", "error", err)
	}
}

func roleNames() (names []string) {
	for _, r := range roles {
		names = append(names, r.name)
	}
	return names
}

// rolesHelp lists the roles for people.
func rolesHelp() string {
	var b strings.Builder
	for _, r := range roles {
		fmt.Fprintf(&b, "  %-11s %s\n", r.name, r.does)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// rolesFlag are some of the roles; the zero value stands for all.
type rolesFlag struct{ some []string }

// Set takes a list with commas in.
func (f *rolesFlag) Set(list string) error {
	var some, unknown []string
	for _, name := range strings.Split(list, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
			return fmt.Errorf("a name is missing; there are %s", strings.Join(roleNames(), ", "))
		case !slices.Contains(roleNames(), name):
			unknown = append(unknown, fmt.Sprintf("%q", name))
		default:
			some = append(some, name)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("there is no role %s; there are %s", strings.Join(unknown, ", "), strings.Join(roleNames(), ", "))
	}
	f.some = some
	return nil
}

func (f *rolesFlag) String() string { return strings.Join(f.names(), ",") }

// Type is the word for the value in the help.
func (f *rolesFlag) Type() string { return "roles" }

func (f *rolesFlag) has(name string) bool { return f.some == nil || slices.Contains(f.some, name) }

// chosen are the roles in the order of all.
func (f *rolesFlag) chosen() (chosen []role) {
	for _, r := range roles {
		if f.has(r.name) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

func (f *rolesFlag) names() (names []string) {
	for _, r := range f.chosen() {
		names = append(names, r.name)
	}
	return names
}

// addRoles adds the flag of those who may serve a part only.
func (f *serveFlags) addRoles(cmd *cobra.Command) {
	cmd.Flags().Var(&f.roles, "roles", "what to serve, with commas between")
	// The only error there is, a flag that does not exist, cannot be here.
	_ = cmd.RegisterFlagCompletionFunc("roles", completeRoles)
}

// completeRoles completes the last name of a list by those that are not yet in it.
func completeRoles(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	given := strings.Split(typed, ",")
	before := strings.Join(given[:len(given)-1], ",")
	if before != "" {
		before += ","
	}
	var out []cobra.Completion
	for _, r := range roles {
		if !slices.Contains(given[:len(given)-1], r.name) {
			out = append(out, cobra.CompletionWithDesc(before+r.name, r.does))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
