package definition

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"

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
	// Region and AccountID are those of APIs whose files say nothing of them, in their ARNs
	// and for ${AWS::Region} and ${AWS::AccountId} in OpenAPI documents; empty means
	// us-east-1 and 000000000000.
	Region, AccountID string
	// Foreign tells the files that others than the machine's owner write, such as users
	// of the management API; nil means none. In them ${NAME} is plain text, and they
	// refer to foreign files only: what the environment and the disk hold is not for them.
	Foreign func(path string) bool
	// OnDocument is told how many of the documents that have to be parsed are so, by one
	// goroutine at a time; nil means nobody.
	OnDocument func(parsed, all int)
	// MayBeEmpty makes a snapshot that serves nothing of no paths at all.
	MayBeEmpty bool
}

func (o Options) foreign(path string) bool { return o.Foreign != nil && o.Foreign(path) }

// Loader loads definitions, again and again: it remembers the OpenAPI documents it
// has parsed, so that a reload costs what changed. An unchanged document gives the
// same *gateway.Deployment. It is not for concurrent use.
type Loader struct {
	options Options
	cache   map[deploymentKey]*parsedDefinition
	// shared are the foreign files without APIs, by name.
	shared map[string]*parsedShared
}

// NewLoader returns a Loader that has read nothing yet.
func NewLoader(options Options) *Loader {
	if options.LookupEnv == nil {
		options.LookupEnv = os.LookupEnv
	}
	if options.ReadFile == nil {
		options.ReadFile = ReadFile
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
	// Draft is what could be read in spite of errors, for checks that find more of
	// them; nil when there is a Snapshot, or nothing to check. It is never served.
	Draft *gateway.Snapshot
	// Owners are the owner's files that a Snapshot was made of, where there may be foreign
	// ones beside them.
	Owners *OwnersFiles
	// Files are all files and directories that the definitions are made of or refer
	// to, missing ones included, sorted: a change of any may change the result.
	Files []string
}

// Load reads definition files, directories of them (*.yaml and *.yml, not nested),
// glob patterns, and "-" for standard input, and merges them into one snapshot.
func (l *Loader) Load(ctx context.Context, paths []string) Result {
	return l.LoadBeside(ctx, paths, nil)
}

// LoadBeside is Load for definitions that are tried beside others: base, if it isn't nil,
// is what they are added to. Base stays as it is.
func (l *Loader) LoadBeside(ctx context.Context, paths []string, base *gateway.Snapshot) Result {
	b := l.begin(base)
	b.readAll(paths)
	return b.finish(ctx)
}

// validate checks names and references across files. All problems are to be told at
// once, but not those that only follow from parts that could not be read.
func (b *build) validate(s *gateway.Snapshot) {
	b.diags.Sort()
	if b.incomplete {
		return
	}
	found := s.Validate()
	b.tellWhereVariablesGo(found)
	if b.diags.HasErrors() {
		found = slices.DeleteFunc(found.Beyond(b.diags), func(d gateway.Diagnostic) bool { return consequences[d.Code] })
	}
	b.diags = append(b.diags, found...)
	b.diags.Sort()
}

// tellWhereVariablesGo mends the hint for documents that were given by their own names:
// they have a stage that is written nowhere.
func (b *build) tellWhereVariablesGo(found gateway.Diagnostics) {
	for i, d := range found {
		alone := slices.ContainsFunc(b.implicit, func(document implicitDocument) bool { return document.name == d.Pos.File })
		if alone && d.Code == "unset-stage-variable" {
			found[i].Hint = "'gatehouse import' makes a gatehouse.yaml that has it, with --variable NAME=VALUE"
		}
	}
}

// consequences are what documents with errors bring about elsewhere: routes that
// could not be read are not missing.
var consequences = map[string]bool{"no-routes": true, "unknown-route": true, "missing-certificate": true, "empty-list": true, "limit-without-key": true}

// A build is one load under way.
type build struct {
	loader  *Loader
	base    *gateway.Snapshot
	files   *fileSet
	diags   gateway.Diagnostics
	configs []readConfig
	// implicit are OpenAPI documents given directly as paths.
	implicit []implicitDocument
	// webSockets are documents of WebSocket APIs given directly as paths.
	webSockets []webSocketDocument
	// taken are the files read so far.
	taken map[string]bool
	// documents are the owner's files that were read as definitions.
	documents []ownersDocument
	stdin     struct {
		data []byte
		err  error
	}
	// incomplete: something could not be read as a whole, so that what seems missing
	// may be in it.
	incomplete bool
	// accountAt is where the account's settings are, the zero Position before one is
	// found.
	accountAt gateway.Position
	wanted    []*wantedDefinition
	next      map[deploymentKey]*parsedDefinition
	// nextShared are those of this load.
	nextShared map[string]*parsedShared
}

type implicitDocument struct {
	name     string
	data     []byte
	protocol gateway.Protocol
}

// stage is what the one stage is called.
func (d implicitDocument) stage() string {
	if d.protocol == gateway.HTTP {
		return gateway.DefaultStage
	}
	return "default"
}

type webSocketDocument struct {
	name string
	doc  *source.Document
}

// A readConfig is a native file with the directory its references are relative to.
type readConfig struct {
	*native.Config
	file string
}

// A wantedDefinition is a stage, or canary, that waits for its document.
type wantedDefinition struct {
	key     deploymentKey
	read    func() ([]byte, error)
	value   source.Value
	deliver func(*gateway.Deployment)
}

// resolveDefinitions parses, in parallel, every definition that is named, once
// for each way it is used.
func (b *build) resolveDefinitions(ctx context.Context) {
	b.collectWanted()
	order := []deploymentKey{}
	byKey := map[deploymentKey]*parsedDefinition{}
	contents := map[deploymentKey][]byte{}
	for _, w := range b.wanted {
		data, err := w.read()
		switch {
		case errors.As(err, &tooLargeError{}):
			w.value.Errorf("file-too-large", "split the definition into several files", "cannot read the definition: %v", err)
			continue
		case err != nil:
			w.value.Errorf("unreadable-file", "", "cannot read the definition: %v", err)
			continue
		}
		if w.key.protocol == "" {
			continue // it isn't known what to read it as, which is reported
		}
		w.key.content = hashRead(data, nil)
		if _, seen := contents[w.key]; !seen {
			contents[w.key] = data
			order = append(order, w.key)
		}
	}
	results := make([]*parsedDefinition, len(order))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	done := b.counting(len(order))
	for i, key := range order {
		if old := b.loader.cache[key]; old != nil && old.fresh(b.files) {
			results[i] = old
			done()
			continue
		}
		group.Go(func() error {
			if ctx.Err() == nil {
				results[i] = b.parseDefinition(key, contents[key])
			}
			done()
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

// counting gives what is to be called for each of all documents.
func (b *build) counting(all int) (done func()) {
	tell := b.loader.options.OnDocument
	if tell == nil {
		return func() {}
	}
	var mu sync.Mutex
	parsed := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		parsed++
		tell(parsed, all)
	}
}

// parseDefinition parses one OpenAPI document. It has diagnostics of its own: they
// are kept with it.
func (b *build) parseDefinition(key deploymentKey, data []byte) *parsedDefinition {
	parsed := &parsedDefinition{dependencies: map[string]string{}}
	if key.protocol == gateway.WebSocket {
		b.parseWebSocket(parsed, key.file, data)
		return parsed
	}
	// OpenAPI text is not ours to interpolate: ${…} in it is AWS's.
	doc, ok := source.Parse(key.file, data, source.Environment{}, &parsed.diags)
	if !ok {
		return parsed
	}
	options := openapi.Options{
		Protocol: key.protocol, Backend: key.backend, Tools: key.tools,
		Region: key.home.Region, AccountID: key.home.Account,
	}
	if b.loader.options.foreign(key.file) {
		// It refers to no files, and may be more than what an import takes.
		options.AllBodies = true
	} else {
		options.Open = func(ref string) (*source.Document, error) { return b.openReferred(parsed, relativeTo(key.file, ref)) }
	}
	if d := openapi.Parse(doc, options); d != nil {
		parsed.deployment = d.Seal()
	}
	parsed.diags.Sort()
	return parsed
}

// parseWebSocket parses a file about a WebSocket API, which is one of our own.
func (b *build) parseWebSocket(parsed *parsedDefinition, file string, data []byte) {
	environment := source.Environment{Variable: b.loader.options.LookupEnv}
	if b.loader.options.foreign(file) {
		environment = source.Environment{}
	}
	if doc, ok := source.Parse(file, data, environment, &parsed.diags); ok {
		parsed.deployment = native.ParseWebSocket(doc).Seal()
	}
	parsed.diags.Sort()
}

// openReferred reads a file that a document refers to.
func (b *build) openReferred(parsed *parsedDefinition, name string) (*source.Document, error) {
	data, err := b.files.read(name)
	parsed.dependencies[name] = hashRead(data, err)
	if err != nil {
		return nil, err
	}
	doc, ok := source.Parse(name, data, source.Environment{}, &parsed.diags)
	if !ok {
		return nil, openapi.ErrNoDocument
	}
	return doc, nil
}

// deploymentKey tells documents apart that give different deployments.
type deploymentKey struct {
	file     string
	content  string
	protocol gateway.Protocol
	// home is that of the API.
	home    gateway.Home
	backend string
	// tools: a stage shows its operations to agents.
	tools bool
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
	for name := range p.dependencies {
		same = hashRead(files.read(name)) == p.dependencies[name] && same
	}
	return same
}
