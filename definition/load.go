package definition

import (
	"context"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"gatehouse/definition/native"
	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// Options of a Loader. The zero value reads the real environment and disk.
type Options struct {
	// LookupEnv finds ${NAME}; nil means os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// ReadFile reads a file whole; nil means the disk, with a size limit.
	ReadFile func(path string) ([]byte, error)
	// Stdin is what the path "-" reads; nil means os.Stdin.
	Stdin func() ([]byte, error)
	// Region and AccountID replace ${AWS::Region} and ${AWS::AccountId} in OpenAPI
	// documents; empty means us-east-1 and 000000000000.
	Region, AccountID string
}

// Loader loads definitions, again and again: it remembers the OpenAPI documents it
// has parsed, so that a reload costs what changed. An unchanged document gives the
// same *gateway.Deployment. It is not for concurrent use.
type Loader struct {
	options Options
	cache   map[deploymentKey]*parsedDefinition
}

// NewLoader returns a Loader that has read nothing yet.
func NewLoader(options Options) *Loader {
	if options.LookupEnv == nil {
		options.LookupEnv = os.LookupEnv
	}
	if options.ReadFile == nil {
		options.ReadFile = readFile
	}
	if options.Stdin == nil {
		options.Stdin = readStdin
	}
	return &Loader{options: options, cache: map[deploymentKey]*parsedDefinition{}}
}

// Result is what a load found.
type Result struct {
	// Snapshot is sealed and valid; nil when Diagnostics has errors.
	Snapshot    *gateway.Snapshot
	Diagnostics gateway.Diagnostics
	// Files are all files and directories that the definitions are made of or refer
	// to, missing ones included, sorted: a change of any may change the result.
	Files []string
}

// Load reads definition files, directories of them (*.yaml and *.yml, not nested),
// glob patterns, and "-" for standard input, and merges them into one snapshot.
func (l *Loader) Load(ctx context.Context, paths []string) Result {
	b := &build{loader: l, files: newFileSet(l.options.ReadFile), next: map[deploymentKey]*parsedDefinition{}}
	b.readAll(paths)
	b.resolveDefinitions(ctx)
	snapshot := b.snapshot()
	b.diags.Sort()
	if !b.diags.HasErrors() {
		// Names and references are only worth checking once everything was read.
		b.diags = append(b.diags, snapshot.Validate()...)
		b.diags.Sort()
	}
	// The loader forgets what is not used any more.
	l.cache = b.next
	result := Result{Diagnostics: b.diags, Files: b.files.list()}
	if !b.diags.HasErrors() && ctx.Err() == nil {
		result.Snapshot = snapshot.Seal()
	}
	return result
}

// A build is one load under way.
type build struct {
	loader  *Loader
	files   *fileSet
	diags   gateway.Diagnostics
	configs []readConfig
	// implicit are OpenAPI documents given directly as paths.
	implicit []string
	wanted   []*wantedDefinition
	next     map[deploymentKey]*parsedDefinition
}

// A readConfig is a native file with the directory its references are relative to.
type readConfig struct {
	*native.Config
	file string
}

// A wantedDefinition is a stage, or canary, that waits for its document.
type wantedDefinition struct {
	file     string
	key      deploymentKey
	value    source.Value
	protocol gateway.Protocol
	deliver  func(*gateway.Deployment)
}

// resolveDefinitions parses, in parallel, every OpenAPI document that is named, once
// for each way it is used.
func (b *build) resolveDefinitions(ctx context.Context) {
	b.collectWanted()
	order := []deploymentKey{}
	byKey := map[deploymentKey]*parsedDefinition{}
	for _, w := range b.wanted {
		data, err := b.files.read(w.file)
		if err != nil {
			w.value.Errorf("unreadable-file", "", "cannot read the definition: %v", err)
			continue
		}
		w.key.content = hashBytes(data)
		if _, seen := byKey[w.key]; !seen {
			byKey[w.key] = nil
			order = append(order, w.key)
		}
	}
	results := make([]*parsedDefinition, len(order))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, key := range order {
		if old := b.loader.cache[key]; old != nil && old.fresh(b.files) {
			results[i] = old
			continue
		}
		group.Go(func() error {
			if ctx.Err() == nil {
				results[i] = b.parseDefinition(key)
			}
			return nil
		})
	}
	_ = group.Wait() // problems are diagnostics
	for i, key := range order {
		if parsed := results[i]; parsed != nil {
			byKey[key], b.next[key] = parsed, parsed
			b.diags = append(b.diags, parsed.diags...)
		}
	}
	for _, w := range b.wanted {
		if parsed := byKey[w.key]; parsed != nil && parsed.deployment != nil {
			w.deliver(parsed.deployment)
		}
	}
}

// parseDefinition parses one OpenAPI document. It has diagnostics of its own: they
// are kept with it.
func (b *build) parseDefinition(key deploymentKey) *parsedDefinition {
	parsed := &parsedDefinition{dependencies: map[string]string{}}
	data, err := b.files.read(key.file)
	if err != nil {
		return parsed
	}
	// OpenAPI text is not ours to interpolate: ${…} in it is AWS's.
	doc, ok := source.Parse(key.file, data, source.Environment{}, &parsed.diags)
	if !ok {
		return parsed
	}
	options := openapi.Options{
		Protocol: key.protocol, Backend: key.backend,
		Region: b.loader.options.Region, AccountID: b.loader.options.AccountID,
	}
	options.Open = func(ref string) (*source.Document, bool) {
		name := relativeTo(key.file, ref)
		data, err := b.files.read(name)
		parsed.dependencies[name] = hashBytes(data)
		if err != nil {
			return nil, false
		}
		return source.Parse(name, data, source.Environment{}, &parsed.diags)
	}
	if d := openapi.Parse(doc, options); d != nil {
		parsed.deployment = d.Seal()
	}
	parsed.diags.Sort()
	return parsed
}

// deploymentKey tells documents apart that give different deployments.
type deploymentKey struct {
	file     string
	content  string
	protocol gateway.Protocol
	backend  string
}

// parsedDefinition is a document's outcome, good or bad.
type parsedDefinition struct {
	deployment *gateway.Deployment
	diags      gateway.Diagnostics
	// dependencies are the hashes of files it refers to.
	dependencies map[string]string
}

// fresh reports whether the files that the document refers to are unchanged. It
// reads them, so that they are watched on.
func (p *parsedDefinition) fresh(files *fileSet) bool {
	same := true
	names := make([]string, 0, len(p.dependencies))
	for name := range p.dependencies {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		data, _ := files.read(name)
		same = same && hashBytes(data) == p.dependencies[name]
	}
	return same
}
