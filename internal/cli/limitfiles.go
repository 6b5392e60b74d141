package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/spf13/pflag"

	"gatehouse/gateway"
	"gatehouse/internal/durable"
	"gatehouse/internal/watch"
	"gatehouse/ratelimit/descriptorfile"
)

// limitFileFlags say where files of the reference rate limit service are, and how
// answers by them look.
type limitFileFlags struct {
	paths   []string
	headers string
	// failureModes are MODE, for all domains, and DOMAIN=MODE.
	failureModes []string
}

// addLimitFilePaths adds the flag of those who read the files.
func addLimitFilePaths(flags *pflag.FlagSet, paths *[]string) {
	flags.StringSliceVar(paths, "ratelimit-config", nil, "file of Envoy's reference rate limit service, or folder of them: limits for Envoys with configurations of their own. Repeat it, or put commas between")
}

func (f *limitFileFlags) add(flags *pflag.FlagSet) {
	addLimitFilePaths(flags, &f.paths)
	flags.StringVar(&f.headers, "ratelimit-headers", "", "for limits of --ratelimit-config, answer clients with the headers VALUE-Limit, VALUE-Remaining and VALUE-Reset; RateLimit is the reference service's own")
	flags.StringSliceVar(&f.failureModes, "ratelimit-failure-mode", nil, "what holds for limits of --ratelimit-config while Redis does not answer: local (each process grants its share, the default), open or closed, or DOMAIN=MODE for one domain. Repeat it, or put commas between")
}

// modes are the failure modes by domain, and that of all other domains.
func (f *limitFileFlags) modes() (of map[string]gateway.FailureMode, others gateway.FailureMode, err error) {
	of, others = map[string]gateway.FailureMode{}, gateway.FailLocal
	set := false
	for _, flag := range f.failureModes {
		domain, name, one := strings.Cut(flag, "=")
		if !one {
			name = flag
		}
		mode := gateway.FailureMode(name)
		_, twice := of[domain]
		switch {
		case mode != gateway.FailLocal && mode != gateway.FailOpen && mode != gateway.FailClosed:
			return nil, "", usagef("--ratelimit-failure-mode %q: a mode is local, open or closed, alone or as DOMAIN=MODE", flag)
		case one && domain == "":
			return nil, "", usagef("--ratelimit-failure-mode %q names no domain", flag)
		case one && twice, !one && set:
			return nil, "", usagef("--ratelimit-failure-mode %q: there is another mode for the same domains", flag)
		case one:
			of[domain] = mode
		default:
			others, set = mode, true
		}
	}
	return of, others, nil
}

// headerToken is what a header's name may begin with.
var headerToken = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (f *limitFileFlags) check(roles rolesFlag) error {
	switch {
	case len(f.paths) > 0 && !roles.has("ratelimit"):
		return usagef("--ratelimit-config is for the role ratelimit, which --roles leaves out")
	case slices.Contains(f.paths, ""):
		return usagef("--ratelimit-config has an empty path")
	case f.headers != "" && len(f.paths) == 0:
		return usagef("--ratelimit-headers needs --ratelimit-config: limits of definitions do not use it")
	case len(f.failureModes) > 0 && len(f.paths) == 0:
		return usagef("--ratelimit-failure-mode needs --ratelimit-config: limits of definitions have a failureMode of their own")
	case f.headers != "" && !headerToken.MatchString(f.headers):
		return usagef("--ratelimit-headers %q cannot begin a header's name", f.headers)
	}
	_, _, err := f.modes()
	return err
}

// limitFiles keeps limits of files in force: it reads them again when they change, and
// goes on with the last good ones when they are broken.
type limitFiles struct {
	paths   []string
	service *descriptorfile.Service
	// modes are the failure modes of single domains.
	modes   map[string]gateway.FailureMode
	watcher *watch.Watcher
	log     *slog.Logger
	metrics limitFileMetrics
	// kept is a file with what was in force last, for a restart; "" for none.
	kept string

	// mu is held while files are read and taken into use.
	mu sync.Mutex
	// files are those that are kept already.
	files []descriptorfile.File
	// watched are the paths of the last reading.
	watched []string
	status  limitFilesJSON
}

type limitFileMetrics struct {
	inForce prometheus.Gauge
	loads   *prometheus.CounterVec
}

// limitFilesJSON is what /status tells of them.
type limitFilesJSON struct {
	// InForce tells whether the files, as last read, are what is served.
	InForce bool     `json:"inForce"`
	Domains []string `json:"domains"`
	// LoadedAt is when what is served was taken into use.
	LoadedAt    time.Time        `json:"loadedAt"`
	Diagnostics []diagnosticJSON `json:"diagnostics"`
}

func newLimitFiles(paths []string, kept string, service *descriptorfile.Service, modes map[string]gateway.FailureMode, log *slog.Logger, r prometheus.Registerer) *limitFiles {
	f := promauto.With(r)
	return &limitFiles{
		paths: paths, kept: kept, service: service, modes: modes, log: log, watcher: watch.New(watch.Options{Log: log}),
		metrics: limitFileMetrics{
			inForce: f.NewGauge(prometheus.GaugeOpts{
				Name: "gatehouse_ratelimit_files_in_force", Help: "1 when the files of --ratelimit-config, as last read, are what is served; 0 when they have errors.",
			}),
			loads: f.NewCounterVec(prometheus.CounterOpts{
				Name: "gatehouse_ratelimit_files_loads_total", Help: "How often the files of --ratelimit-config were read, by whether they could be used.",
			}, []string{"result"}),
		},
	}
}

// limitFilesError says that there is nothing to serve.
type limitFilesError struct{ diagnostics gateway.Diagnostics }

func (e *limitFilesError) Error() string {
	return fmt.Sprintf("the files of --ratelimit-config cannot be served, and nothing is kept of an earlier run:\n%v", e.diagnostics.Err())
}

// start reads the files for the first time. What they were in an earlier run is served
// when they have errors now.
func (l *limitFiles) start() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ds := l.load()
	if !ds.HasErrors() {
		l.report(ds)
		return nil
	}
	files, err := l.readKept()
	if errors.Is(err, fs.ErrNotExist) {
		return &limitFilesError{ds}
	}
	limits, old := descriptorfile.Parse(files)
	if err = cmp.Or(err, old.Err()); err != nil {
		l.log.Warn("what was kept of rate limits cannot be used", "error", err)
		return &limitFilesError{ds}
	}
	l.report(ds)
	l.use(limits)
	l.log.Error("the files of rate limits cannot be served; serving those of an earlier run until they are mended", "domains", strings.Join(l.status.Domains, ","))
	return nil
}

// reload reads the files again. Those before are served on if they have errors.
func (l *limitFiles) reload() {
	l.mu.Lock()
	defer l.mu.Unlock()
	ds := l.load()
	l.report(ds)
	if ds.HasErrors() {
		l.log.Error("rate limits refused; those before are served on", "problems", len(ds), "domains", strings.Join(l.status.Domains, ","))
	}
}

func (l *limitFiles) report(ds gateway.Diagnostics) {
	for _, d := range ds {
		level := l.log.Error
		if d.Severity == gateway.Warning {
			level = l.log.Warn
		}
		level("rate limit problem", "diagnostic", d.String())
	}
}

// load takes the files into use, if they have no errors.
func (l *limitFiles) load() gateway.Diagnostics {
	files, watched, ds := descriptorfile.Read(l.paths)
	l.watcher.Set(watched)
	if !slices.Equal(watched, l.watched) {
		// A file that was not watched before may have changed since it was read.
		l.watched = watched
		files, _, ds = descriptorfile.Read(l.paths)
	}
	limits, found := descriptorfile.Parse(files)
	ds = append(ds, found...)
	ds.Sort()
	l.status.Diagnostics = diagnosticsJSON(ds)
	if l.status.InForce = !ds.HasErrors(); !l.status.InForce {
		l.metrics.inForce.Set(0)
		l.metrics.loads.WithLabelValues("refused").Inc()
		return ds
	}
	l.metrics.inForce.Set(1)
	l.metrics.loads.WithLabelValues("used").Inc()
	l.use(limits)
	l.log.Info("rate limits are in force", "domains", strings.Join(l.status.Domains, ","))
	l.keep(files)
	return ds
}

func (l *limitFiles) use(limits *descriptorfile.Limits) {
	l.service.Swap(limits)
	l.status.Domains, l.status.LoadedAt = limits.Domains(), time.Now().UTC()
	for _, domain := range slices.Sorted(maps.Keys(l.modes)) {
		if !slices.Contains(l.status.Domains, domain) {
			l.log.Warn("--ratelimit-failure-mode names a domain that no file has", "domain", domain, "domains", strings.Join(l.status.Domains, ","))
		}
	}
}

// keptFiles is what a restart finds.
type keptFiles struct {
	// Paths are those that the files were read by: others are not meant.
	Paths []string              `json:"paths"`
	Files []descriptorfile.File `json:"files"`
}

// keep writes what is in force now. Without it only a restart with broken files fails.
func (l *limitFiles) keep(files []descriptorfile.File) {
	same := slices.EqualFunc(files, l.files, func(a, b descriptorfile.File) bool {
		return a.Name == b.Name && string(a.Data) == string(b.Data)
	})
	if l.kept == "" || same {
		return
	}
	content, err := json.Marshal(keptFiles{l.paths, files})
	if err == nil {
		err = durable.Replace(l.kept, content)
	}
	if err != nil {
		l.log.Error("rate limits are not kept for a restart", "error", err)
		return
	}
	l.files = files
}

func (l *limitFiles) readKept() ([]descriptorfile.File, error) {
	if l.kept == "" {
		return nil, fs.ErrNotExist
	}
	content, err := os.ReadFile(l.kept)
	if err != nil {
		return nil, err
	}
	var kept keptFiles
	if err := json.Unmarshal(content, &kept); err != nil {
		return nil, fmt.Errorf("%s: %w", l.kept, err)
	}
	if !slices.Equal(kept.Paths, l.paths) {
		return nil, fs.ErrNotExist
	}
	return kept.Files, nil
}

// run reads the files again whenever they change, until the context ends.
func (l *limitFiles) run(ctx context.Context) error {
	return l.watcher.Run(ctx, l.reload)
}

// show gives what /status tells.
func (l *limitFiles) show() *limitFilesJSON {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	return &s
}

// keptLimitFiles is where a data directory has them; nowhere without one.
func keptLimitFiles(dataDir string) string {
	if dataDir == "" {
		return ""
	}
	return filepath.Join(dataDir, "ratelimit-config.json")
}
