package definition

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/definition/native"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// readAll reads every path that was given and sorts documents into our own and
// OpenAPI ones.
func (b *build) readAll(paths []string) {
	for _, path := range paths {
		if path == stdinName {
			data, err := b.loader.options.Stdin()
			b.readDocument(stdinName, data, err, true)
			continue
		}
		if strings.ContainsAny(path, "*?[") {
			b.readGlob(path)
			continue
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			b.readDirectory(path)
			continue
		}
		b.readNamed(path, true)
	}
	if len(b.configs) == 0 && len(b.implicit) == 0 && !b.diags.HasErrors() {
		b.diags.Errorf("no-definitions", gateway.Position{File: strings.Join(paths, " ")}, "", "name a gatehouse.yaml or a directory with one", "no definition was found")
	}
}

func (b *build) readGlob(pattern string) {
	b.files.note(filepath.Dir(pattern))
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
		b.readNamed(name, false)
	}
}

func (b *build) readDirectory(dir string) {
	b.files.note(filepath.Clean(dir))
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.diags.Errorf("unreadable-file", gateway.Position{File: dir}, "", "", "cannot read the directory: %v", err)
		return
	}
	for _, e := range entries {
		if isDefinitionFile(e.Name()) && !e.IsDir() {
			b.readNamed(filepath.Join(dir, e.Name()), false)
		}
	}
}

func (b *build) readNamed(name string, explicit bool) {
	name = filepath.Clean(name)
	data, err := b.files.read(name)
	b.readDocument(name, data, err, explicit)
}

// readDocument takes a document in. OpenAPI documents that merely lie in a directory
// are left for the APIs that name them.
func (b *build) readDocument(name string, data []byte, err error, explicit bool) {
	if err != nil {
		b.diags.Errorf("unreadable-file", gateway.Position{File: name}, "", "", "cannot read the definition: %v", err)
		return
	}
	if !explicit && mayBeOpenAPI(data) {
		// Skipped without parsing it: a directory may hold hundreds.
		return
	}
	doc, ok := source.Parse(name, data, source.Environment{
		Variable: b.loader.options.LookupEnv,
		ReadFile: func(path string) ([]byte, error) { return b.files.read(relativeTo(name, path)) },
	}, &b.diags)
	if !ok {
		return
	}
	if root := doc.Root(); root.IsObject() && (root.Object().Has("openapi") || root.Object().Has("swagger")) {
		b.implicit = append(b.implicit, name)
		return
	}
	b.configs = append(b.configs, readConfig{native.Parse(doc), name})
}

// mayBeOpenAPI looks for the version key at the beginning of a line, or in JSON.
func mayBeOpenAPI(data []byte) bool {
	head := string(data[:min(len(data), 64<<10)])
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
