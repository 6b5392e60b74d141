package definition

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/definition/native"
	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// readAll reads every path that was given and sorts documents into our own and
// OpenAPI ones.
func (b *build) readAll(paths []string) {
	for _, path := range paths {
		if path == stdinName {
			if b.first(stdinName) {
				data, err := b.loader.options.Stdin()
				b.stdin.data, b.stdin.err = data, err
				b.readDocument(stdinName, data, err, true)
			}
			continue
		}
		if b.loader.options.foreign(path) {
			b.readNamed(path, true)
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			b.readDirectory(path)
		case err != nil && strings.ContainsAny(path, "*?["):
			// A file whose name has such a character is meant by it.
			b.readGlob(path)
		default:
			b.readNamed(path, true)
		}
	}
	if len(b.configs) == 0 && len(b.implicit) == 0 && len(b.webSockets) == 0 && !b.diags.HasErrors() && (len(paths) > 0 || !b.loader.options.MayBeEmpty) {
		b.diags.Errorf("no-definitions", gateway.Position{File: strings.Join(paths, " ")}, "", "name a gatehouse.yaml or a directory with one", "no definition was found")
	}
}

// first reports whether a path comes up for the first time: a file that is named
// itself and lies in a named directory is still one file.
func (b *build) first(name string) bool {
	if b.taken[name] {
		return false
	}
	b.taken[name] = true
	return true
}

func (b *build) readGlob(pattern string) {
	b.noteDirectories(filepath.Dir(pattern))
	names, err := filepath.Glob(pattern)
	if err != nil {
		b.diags.Errorf("invalid-pattern", gateway.Position{File: pattern}, "", "", "the file pattern is malformed: %v", err)
		return
	}
	slices.Sort(names)
	if len(names) == 0 {
		b.diags.Errorf("no-match", gateway.Position{File: pattern}, "", "", "no file matches the pattern")
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			b.readDirectory(name)
			continue
		}
		b.readNamed(name, false)
	}
}

// noteDirectories notes the directories in which a pattern finds files, and those in
// which it finds directories: a new one of either would count.
func (b *build) noteDirectories(dir string) {
	if !strings.ContainsAny(dir, "*?[") {
		b.files.note(filepath.Clean(dir))
		return
	}
	names, _ := filepath.Glob(dir) // readGlob reports a malformed pattern
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			b.files.note(filepath.Clean(name))
		}
	}
	b.noteDirectories(filepath.Dir(dir))
}

func (b *build) readDirectory(dir string) {
	b.files.note(filepath.Clean(dir))
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.unreadable(dir, err)
		return
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if !isDefinitionFile(e.Name()) || e.IsDir() {
			continue
		}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			continue // a link to one
		}
		b.readNamed(name, false)
	}
}

func (b *build) readNamed(name string, explicit bool) {
	name = filepath.Clean(name)
	if b.first(name) {
		data, err := b.files.read(name)
		b.readDocument(name, data, err, explicit)
	}
}

// unreadable reports a file or directory of which nothing is known.
func (b *build) unreadable(name string, err error) {
	b.incomplete = true
	pos := gateway.Position{File: name, Line: 1, Column: 1}
	if errors.As(err, &tooLargeError{}) {
		b.diags.Errorf("file-too-large", pos, "", "split the definition into several files", "%v", err)
		return
	}
	b.diags.Errorf("unreadable-file", pos, "", "", "cannot read the definition: %v", err)
}

// readDocument takes a document in. OpenAPI documents that merely lie in a directory
// are left for the APIs that name them.
func (b *build) readDocument(name string, data []byte, err error, explicit bool) {
	if !b.loader.options.foreign(name) {
		b.documents = append(b.documents, ownersDocument{name, explicit})
	}
	if err != nil {
		b.unreadable(name, err)
		return
	}
	if !explicit && mayBeOpenAPI(data) {
		// Skipped without parsing it: a directory may hold hundreds.
		return
	}
	environment := source.Environment{
		Variable: b.loader.options.LookupEnv,
		ReadFile: func(path string) ([]byte, error) { return b.files.read(relativeTo(name, path)) },
	}
	if b.loader.options.foreign(name) {
		environment = source.Environment{}
		if b.reuseShared(name, data) {
			return
		}
	}
	before := len(b.diags)
	doc, ok := source.Parse(name, data, environment, &b.diags)
	if !ok {
		b.incomplete = true
		return
	}
	if isOpenAPI(doc.Root()) {
		if explicit {
			told := len(b.diags)
			protocol := openapi.ProtocolOf(doc.Root().Object())
			b.diags = b.diags[:told] // what is wrong in it is told when it is parsed
			b.implicit = append(b.implicit, implicitDocument{name, data, protocol})
		}
		return
	}
	if native.IsWebSocket(doc.Root()) {
		if explicit {
			b.webSockets = append(b.webSockets, webSocketDocument{name, doc})
		}
		return
	}
	if isBootstrap(doc.Root()) {
		b.incomplete = true
		b.diags.Errorf("envoy-bootstrap", gateway.Position{File: name, Line: 1, Column: 1}, "", "keep it in a folder that no definitions are read from",
			"this is what an Envoy is started with, not a definition")
		return
	}
	if isCloudFormation(doc.Root()) {
		b.incomplete = true
		b.diags.Errorf("cloudformation-template", gateway.Position{File: name, Line: 1, Column: 1}, "", "export the deployed API, and serve that",
			"this is a template of CloudFormation, whose functions and references work only there, not a definition")
		return
	}
	config := native.Parse(doc)
	b.incomplete = b.incomplete || config.Incomplete
	b.configs = append(b.configs, readConfig{config, name})
	if b.loader.options.foreign(name) && len(config.APIs) == 0 && !config.Incomplete {
		b.nextShared[name] = &parsedShared{hashRead(data, nil), config, slices.Clone(b.diags[before:])}
	}
}

// parsedShared is a foreign file without APIs as it was read: it may have thousands of API
// keys, and depends on nothing but itself. What is made of it must not be written to.
type parsedShared struct {
	hash   string
	config *native.Config
	diags  gateway.Diagnostics
}

// reuseShared takes a file as it was read before, if it is the same.
func (b *build) reuseShared(name string, data []byte) bool {
	known := b.loader.shared[name]
	if known == nil || known.hash != hashRead(data, nil) {
		return false
	}
	b.nextShared[name] = known
	b.configs = append(b.configs, readConfig{known.config, name})
	b.diags = append(b.diags, known.diags...)
	return true
}

func isOpenAPI(root source.Value) bool {
	if !root.IsObject() {
		return false
	}
	o := root.Object()
	return o.Has("openapi") || o.Has("swagger")
}

// isBootstrap tells the configuration of an Envoy: what 'gatehouse bootstrap' prints is
// easily put beside the definitions.
func isBootstrap(root source.Value) bool {
	if !root.IsObject() {
		return false
	}
	o := root.Object()
	return o.Has("static_resources") || o.Has("dynamic_resources") || o.Has("staticResources") || o.Has("dynamicResources")
}

// isCloudFormation tells templates, those of SAM and of CDK too, which people have of their
// APIs who come from Amazon.
func isCloudFormation(root source.Value) bool {
	if !root.IsObject() {
		return false
	}
	o := root.Object()
	return o.Has("Resources") && !o.Has("apis") || o.Has("AWSTemplateFormatVersion")
}

// mayBeOpenAPI looks for the version key at the beginning of a line, or in JSON.
func mayBeOpenAPI(data []byte) bool {
	head := strings.TrimPrefix(string(data[:min(len(data), 64<<10)]), "\ufeff")
	for line := range strings.Lines(head) {
		key := strings.TrimLeft(line, "{ \t\"'")
		indented := len(line) > 0 && (line[0] == ' ' || line[0] == '\t') && !strings.ContainsAny(line[:len(line)-len(key)], `{"`)
		if !indented && (strings.HasPrefix(key, "openapi") || strings.HasPrefix(key, "swagger")) {
			rest := strings.TrimLeft(strings.TrimLeft(key[len("openapi"):], `"'`), " ")
			if strings.HasPrefix(rest, ":") {
				return true
			}
		}
	}
	return false
}
