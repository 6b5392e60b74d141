package exampletest

import (
	"debug/elf"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"gatehouse/internal/proctest"
)

const dockerfile = "examples/compose/Dockerfile"

// image is what a stage of the Dockerfile makes, its files in a folder.
type image struct {
	root            string
	user            string
	ports, volumes  []string
	entrypoint, cmd []string
	// owners are the users of folders and files that were copied with --chown.
	owners map[string]string
}

// builder does what the Dockerfile says without docker: absolute paths are below
// the folder of the stage. It knows the instructions that stand there, and no others.
type builder struct {
	t      *testing.T
	images map[string]*image
	// args are declared before the first stage.
	args map[string]string
	// bases are the images that the stages are built on.
	bases []string
}

var (
	imagesOnce  sync.Once
	builtImages *builder
)

// images builds the Dockerfile, once for all tests.
func images(t *testing.T) *builder {
	t.Helper()
	imagesOnce.Do(func() {
		b := &builder{t: t, images: map[string]*image{}, args: map[string]string{}}
		b.build()
		builtImages = b
	})
	if builtImages == nil {
		t.Fatalf("%s could not be built", dockerfile)
	}
	return builtImages
}

func (b *builder) build() {
	text, err := os.ReadFile(filepath.Join(proctest.Root(b.t), dockerfile))
	if err != nil {
		b.t.Fatal(err)
	}
	var current *image
	var directory string
	var environment []string
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		fields := strings.Fields(rest)
		switch {
		case word == "ARG" && current == nil:
			name, value, _ := strings.Cut(rest, "=")
			b.args["${"+name+"}"] = value
		case word == "FROM":
			for name, value := range b.args {
				fields[0] = strings.ReplaceAll(fields[0], name, value)
			}
			b.bases = append(b.bases, fields[0])
			current = &image{root: filepath.Join(proctest.Folder(b.t), "image-"+fields[2]), owners: map[string]string{}}
			b.images[fields[2]] = current
			directory, environment = current.root, os.Environ()
			b.makeFolder(current.root)
			if fields[0] != "scratch" {
				// What every image with Go has.
				b.makeFolder(filepath.Join(current.root, "etc/ssl/certs"))
				b.write(filepath.Join(current.root, "etc/ssl/certs/ca-certificates.crt"), "authorities")
			}
		case word == "WORKDIR":
			directory = filepath.Join(current.root, rest)
			b.makeFolder(directory)
		case word == "ARG", word == "ENV":
			environment = append(environment, rest)
		case word == "RUN":
			b.run(current, directory, environment, rest)
		case word == "COPY":
			b.copy(current, directory, fields)
		case word == "USER":
			current.user = rest
		case word == "EXPOSE":
			current.ports = append(current.ports, fields...)
		case word == "VOLUME":
			current.volumes = append(current.volumes, fields...)
		case word == "ENTRYPOINT":
			current.entrypoint = b.words(rest)
		case word == "CMD":
			current.cmd = b.words(rest)
		default:
			b.t.Fatalf("%s: the test does not know how to do %s", dockerfile, line)
		}
	}
}

func (b *builder) words(list string) (words []string) {
	if err := json.Unmarshal([]byte(list), &words); err != nil {
		b.t.Fatalf("%s: %s: %v", dockerfile, list, err)
	}
	return words
}

func (b *builder) makeFolder(dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *builder) write(file, text string) {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

var absolute = regexp.MustCompile(`(^|\s)(/(?:src|out|etc)\b)`)

func (b *builder) run(stage *image, directory string, environment []string, command string) {
	cmd := exec.Command("sh", "-ec", absolute.ReplaceAllString(command, "${1}"+stage.root+"${2}"))
	cmd.Dir, cmd.Env = directory, append(environment, "PWD="+directory)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("%s: RUN %s: %v\n%s", dockerfile, command, err, out)
	}
}

func (b *builder) copy(stage *image, directory string, words []string) {
	var owner string
	from := proctest.Root(b.t)
	ignored := contextMatcher(b.t)
	for strings.HasPrefix(words[0], "--") {
		name, value, _ := strings.Cut(words[0], "=")
		switch name {
		case "--from":
			from, ignored = b.images[value].root, nil
		case "--chown":
			owner = value
		default:
			b.t.Fatalf("%s: the test does not know COPY %s", dockerfile, name)
		}
		words = words[1:]
	}
	sources, target := words[:len(words)-1], words[len(words)-1]
	if path.IsAbs(target) {
		target = filepath.Join(stage.root, target)
	} else {
		target = filepath.Join(directory, target)
	}
	for _, source := range sources {
		info, err := os.Stat(filepath.Join(from, source))
		if err != nil {
			b.t.Fatalf("%s: COPY %s: %v", dockerfile, source, err)
		}
		to := target
		if !info.IsDir() {
			to = filepath.Join(target, filepath.Base(source))
		}
		b.copyTree(from, filepath.Join(from, source), to, ignored, func(file string) {
			if owner != "" {
				relative, _ := filepath.Rel(stage.root, file)
				stage.owners["/"+relative] = owner
			}
		})
	}
}

// copyTree copies a file, or what is in a folder.
func (b *builder) copyTree(base, source, target string, ignored *patternmatcher.PatternMatcher, copied func(string)) {
	err := filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ignored != nil {
			name, err := filepath.Rel(base, file)
			if err != nil {
				return err
			}
			skip, err := ignored.MatchesOrParentMatches(name)
			if err != nil {
				return err
			}
			if skip && entry.IsDir() {
				return filepath.SkipDir
			}
			if skip {
				return nil
			}
		}
		relative, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		to := filepath.Join(target, relative)
		if entry.IsDir() {
			if to != target {
				copied(to)
			}
			return os.MkdirAll(to, 0o755)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		copied(to)
		return os.WriteFile(to, content, info.Mode().Perm())
	})
	if err != nil {
		b.t.Fatalf("%s: %v", dockerfile, err)
	}
}

// contextMatcher tells what .dockerignore keeps out of the build, as docker does.
func contextMatcher(t *testing.T) *patternmatcher.PatternMatcher {
	t.Helper()
	file, err := os.Open(filepath.Join(proctest.Root(t), ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return matcher
}

// TestDockerfile builds what docker would, and looks at what is in the images.
func TestDockerfile(t *testing.T) {
	b := images(t)
	for name, want := range map[string][]string{
		"gatehouse": {"bin/gatehouse", "bin/probe", "etc/ssl/certs/ca-certificates.crt", "var/lib/gatehouse"},
		"petstore":  {"bin/petstore", "bin/probe"},
	} {
		stage := b.images[name]
		if stage == nil {
			t.Errorf("there is no stage %s", name)
			continue
		}
		if got := leaves(t, stage.root); !slices.Equal(got, want) {
			t.Errorf("%s holds %v, want %v", name, got, want)
		}
		if user, group, ok := strings.Cut(stage.user, ":"); !ok || strings.Trim(user+group, "0123456789") != "" || user == "0" || group == "0" {
			t.Errorf("%s runs as %q, want the numbers of an ordinary user and group", name, stage.user)
		}
		for _, volume := range stage.volumes {
			if stage.owners[volume] != stage.user {
				t.Errorf("%s runs as %s, its volume %s belongs to %q", name, stage.user, volume, stage.owners[volume])
			}
		}
		for _, file := range leaves(t, filepath.Join(stage.root, "bin")) {
			static(t, filepath.Join(stage.root, "bin", file))
		}
	}
	out, err := exec.Command(filepath.Join(b.images["gatehouse"].root, "bin/gatehouse"), "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "gatehouse dev ") {
		t.Errorf("gatehouse version: %v: %s", err, out)
	}
}

// leaves are the files and empty folders below a folder.
func leaves(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			inside, err := os.ReadDir(filepath.Join(dir, name))
			if err != nil || len(inside) > 0 {
				return err
			}
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// static fails for a program that needs an interpreter or libraries, which an
// image built from scratch does not have.
func static(t *testing.T, program string) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			t.Errorf("%s is linked dynamically", program)
		}
	}
}

// TestDockerContext looks at what must never get into an image, wherever it lies.
func TestDockerContext(t *testing.T) {
	matcher := contextMatcher(t)
	for _, name := range []string{
		".git/config", ".tools/envoy", "bin/gatehouse", "examples/edge/certs/api.key", "examples/edge/certs/ca.pem",
		".env", "deploy/.env", "xds/server_test.go", "definition/testdata/a.yaml", "examples/compose/config/gatehouse.yaml",
	} {
		if skip, err := matcher.MatchesOrParentMatches(name); err != nil || !skip {
			t.Errorf("%s is sent to docker (%v)", name, err)
		}
	}
}

// TestVersionsAgree holds the versions of Envoy and Go that different files name
// together.
func TestVersionsAgree(t *testing.T) {
	read := func(file, pattern string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(proctest.Root(t), file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)` + pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s has no %s", file, pattern)
		}
		return string(m[1])
	}
	envoy := read(".ci/get-envoy", `^version=(\S+)$`)
	for _, c := range []struct{ file, pattern, want string }{
		{"go.mod", `^\s*github.com/envoyproxy/go-control-plane/envoy v(\S+)`, envoy},
		{composeFile, `image: envoyproxy/envoy:v(\S+)$`, envoy},
		{".ci/get-envoy", `^series=(\S+)$`, envoy[:strings.LastIndex(envoy, ".")]},
		{"xds/server.go", `^const EnvoySeries = "(.*)"$`, envoy[:strings.LastIndex(envoy, ".")]},
		{dockerfile, `^ARG GO_VERSION=(\S+)$`, read("go.mod", `^go (\d+\.\d+)`)},
	} {
		if got := read(c.file, c.pattern); got != c.want {
			t.Errorf("%s names version %s, others %s", c.file, got, c.want)
		}
	}
}
