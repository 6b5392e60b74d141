package cli

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/internal/revision"
	"gatehouse/management"
	"gatehouse/management/address"
	"gatehouse/management/flushes"
	"gatehouse/management/httpapi"
	"gatehouse/management/loading"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
	"gatehouse/management/store/etcd"
	"gatehouse/ratelimit"
)

// managementFlags are about the management API and what it keeps.
type managementFlags struct {
	etcd      etcdFlags
	open      bool
	accountID string
	// openChosen tells whether the user said who is let in.
	openChosen func() bool
}

const openManagement = "open-management"

func (f *managementFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.etcd.add(flags)
	flags.BoolVar(&f.open, openManagement, false, "let everyone who reaches --http-address use the management API, unsigned (default while that is a loopback address)")
	flags.StringVar(&f.accountID, "account-id", gateway.DefaultAccountID, "AWS account that the APIs of the management API belong to")
	f.openChosen = func() bool { return changed(flags, openManagement) }
}

func changed(flags *pflag.FlagSet, name string) bool { return flags.Changed(name) }

func (f *managementFlags) check(roles rolesFlag) error {
	if f.openChosen != nil && f.openChosen() && !roles.has("management") {
		return usagef("--open-management is for the role management, which --roles leaves out")
	}
	if !accountForm.MatchString(f.accountID) {
		return usagef("--account-id %q is not twelve digits", f.accountID)
	}
	return f.etcd.check()
}

// stored is what the management API keeps, where a process has it.
type stored struct {
	*loading.Loader
	store *etcd.Store
	log   *slog.Logger
	// followed is closed when nobody follows the store any more.
	stop     context.CancelFunc
	followed chan struct{}
}

// openStored opens the store: a cluster's for all who are told of one, that of the data
// directory for those who serve the management API. It gives nil where there is none.
func openStored(ctx context.Context, flags serveFlags, dataDir string, definitions definition.Options, log *slog.Logger) (*stored, error) {
	log = log.With("component", "management")
	var kept *etcd.Store
	var err error
	switch {
	case len(flags.management.etcd.endpoints) > 0:
		kept, err = flags.management.etcd.connect(ctx, log)
	case !flags.roles.has("management"):
		return nil, nil
	case dataDir == "":
		log.Warn("there is no management API without a folder to keep in what it is told; give one with --data-dir")
		return nil, nil
	default:
		isNew := !etcd.Exists(embeddedStore(dataDir))
		kept, err = etcd.Embed(ctx, embeddedStore(dataDir), log)
		if err != nil && flags.roles.some == nil && (flags.dataDir == "" || isNew) {
			// Nobody asked for the management API, and either nothing is stored, so that
			// what files define is all that there is to serve; or the folder was not
			// chosen, and another process may have the same one.
			log.Warn("there is no management API", "error", err)
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if err := whole(ctx, kept); err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	return &stored{
		Loader: loading.New(loading.Options{Store: kept, Definition: definitions, Log: log}),
		store:  kept, log: log, followed: make(chan struct{}),
	}, nil
}

// whole refuses a store that a restore has left half done.
func whole(ctx context.Context, s *etcd.Store) error {
	cut := false
	err := s.View(ctx, func(r store.Reader) (err error) {
		cut, err = store.Unfinished(r)
		return err
	})
	if cut {
		return errors.New("the management store lacks documents: 'gatehouse store restore' was cut off, and has to be done again")
	}
	if errors.Is(err, store.ErrUnavailable) {
		return nil // which is waited for
	}
	return err
}

// follow begins to keep up with the store: with what is to be served, and with what caches
// are to forget.
func (s *stored) follow(changed func(), caches flushes.Targets) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		defer close(s.followed)
		var following sync.WaitGroup
		following.Go(func() { _ = s.Follow(ctx, changed) }) // both end with the context
		following.Go(func() { _ = flushes.Follow(ctx, s.store, caches, s.log) })
		following.Wait()
	}()
}

const (
	// storeTimeout is how long a start waits for a store to answer, and readTimeout for
	// what is in one that does, which may be much.
	storeTimeout = time.Second
	readTimeout  = time.Minute
)

// await waits until what is stored can be loaded. A cluster that does not answer is not
// waited for: the load tells of it.
func (s *stored) await(ctx context.Context) {
	answering, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if s.store.Ready(answering) != nil {
		return
	}
	reading, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	_ = s.Ready(reading)
}

func (s *stored) close() {
	if s.stop != nil {
		s.stop()
		<-s.followed
	}
	if err := s.store.Close(); err != nil {
		s.log.Warn("the management store was not closed well", "error", err)
	}
}

// watch takes in what becomes of what was loaded: what is stored and cannot be served must
// not keep all else from being served.
func (s *stored) watch(status revision.Status, seen bool) (again bool) {
	latest := status.Latest
	switch {
	case latest == nil, latest.Revision == "":
		return false // Nothing was loaded: the loader knows.
	case latest.State == revision.Failed || latest.State == revision.Rejected:
		return s.Refuse(latest.Diagnostics)
	case status.InForce() && (latest.State == revision.Acked || !seen):
		return s.Served()
	}
	return false
}

func startManagement(c *controlPlane) service {
	if c.stored == nil {
		return service{}
	}
	log := c.log.With("component", "management")
	filed := management.Filed{APIs: c.filedAPIs()}
	over := filed.Over(c.stored.store)
	c.managementAPI = management.New(management.Options{
		REST: restapi.NewService(restapi.Options{
			Store: over, Log: log, Documents: openapi.Documents{}, Checker: storedCheck{c}, Usage: c.countedUsage(), Caches: flushes.Caches{Store: c.stored.store},
			Tester: newStoredTest(c, log), Throttle: c.accountThrottle, Address: c.servedAt,
		}),
		HTTP: httpapi.NewService(httpapi.Options{
			Store: over, Log: log, Documents: openapi.Documents{}, Checker: storedCheck{c}, Caches: flushes.Caches{Store: c.stored.store}, Address: c.servedAt,
			Portals: c.portalsAt,
		}),
		Open:        c.openManagement,
		Loopback:    c.writable,
		Credentials: c.credentials,
		Filed:       filed,
		AccountID:   c.accountID,
		Log:         log,
		Registerer:  c.metrics,
	})
	return service{}
}

// servedAt is where what is managed is served: by the first gateway, where it can by TLS.
func (c *controlPlane) servedAt() address.Gateway {
	s := c.pipeline.Snapshot()
	if s == nil || len(s.Gateways) == 0 {
		return address.Gateway{Plain: true}
	}
	g := &s.Gateways[0]
	at := address.Gateway{Suffix: g.Suffix, Plain: true}
	for i := len(g.Listeners) - 1; i >= 0; i-- {
		if l := &g.Listeners[i]; at.Plain || l.TLS != nil {
			at.Port, at.Plain = l.Port, l.TLS == nil
		}
	}
	return at
}

// accountThrottle is what all APIs together are held to, nil for nothing.
func (c *controlPlane) accountThrottle() *restapi.ThrottleSettings {
	s := c.pipeline.Snapshot()
	if s == nil || s.Account.Throttle == nil {
		return nil
	}
	burst := int(s.Account.Throttle.Burst)
	return &restapi.ThrottleSettings{RateLimit: &s.Account.Throttle.Rate, BurstLimit: &burst}
}

// keyUsage tells the management API what the role ratelimit has counted.
type keyUsage struct{ server *ratelimit.Server }

func (u keyUsage) Daily(ctx context.Context, plan, key string, from, to time.Time) (map[string][][2]int64, bool, error) {
	daily, found, err := u.server.DailyUsage(ctx, planID(plan), key, from, to)
	if daily == nil {
		return nil, found, err
	}
	return daily.Keys, found, err
}

func (u keyUsage) SetRemaining(ctx context.Context, plan, key string, quota restapi.QuotaSettings, remaining int64) (bool, error) {
	return u.server.SetRemainingOf(ctx, planID(plan), key, int64(quota.Limit), ratelimit.Period(quota.Period), remaining)
}

// planID is what services know a plan by; in definitions, its name is the id that the
// management API has given it.
func planID(managed string) string { return (&gateway.UsagePlan{Name: managed}).ID() }

// countedUsage is nil where this process does not count.
func (c *controlPlane) countedUsage() restapi.Usage {
	if c.counting == nil {
		return nil
	}
	return keyUsage{c.counting}
}

// filedAPIs gives the APIs of what is served that files define. It is the same list as long
// as the same is served.
func (c *controlPlane) filedAPIs() func() []gateway.API {
	var mu sync.Mutex
	var of *gateway.Snapshot
	var filed []gateway.API
	return func() []gateway.API {
		s := c.pipeline.Snapshot()
		if s == nil {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if s != of {
			of, filed = s, nil
			for _, a := range s.APIs {
				if !source.IsVirtual(a.Source.File) {
					filed = append(filed, a)
				}
			}
		}
		return filed
	}
}

// credentials are the access keys of what is served.
func (c *controlPlane) credentials() []gateway.Credential {
	if s := c.pipeline.Snapshot(); s != nil {
		return s.Credentials
	}
	return nil
}
