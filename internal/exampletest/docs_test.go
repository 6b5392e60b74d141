package exampletest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/proctest"
)

// page is what a Markdown page shows: commands, and the files they read.
type page struct {
	files    map[string]string
	commands []command
}

// command is a line that begins with "$ " in a console block, with the output
// shown below it.
type command struct {
	line   int
	args   []string
	output []string
	// exit is what "$ echo $?" below it shows, else 0.
	exit int
}

var fileName = regexp.MustCompile(`^# file: (\S+)$`)

// readPage finds the console blocks of a page, and the blocks that begin with
// "# file: NAME", which are files.
func readPage(text string) page {
	p := page{files: map[string]string{}}
	var block []string
	language, inside, first := "", false, 0
	for i, line := range strings.Split(text, "\n") {
		mark, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && !inside:
			language, inside, first, block = mark, true, i+2, nil
		case isFence:
			inside = false
			if language == "console" {
				p.commands = append(p.commands, readCommands(block, first)...)
			} else if len(block) > 0 {
				if m := fileName.FindStringSubmatch(block[0]); m != nil {
					p.files[m[1]] = strings.Join(block, "\n") + "\n"
				}
			}
		case inside:
			block = append(block, line)
		}
	}
	return p
}

func readCommands(block []string, first int) []command {
	var commands []command
	for i, line := range block {
		prompt, isPrompt := strings.CutPrefix(line, "$ ")
		last := len(commands) - 1
		switch {
		case isPrompt && prompt == "echo $?" && i+1 < len(block) && last >= 0:
			commands[last].exit, _ = strconv.Atoi(block[i+1])
			commands = append(commands, command{})
		case isPrompt:
			commands = append(commands, command{line: first + i, args: strings.Fields(prompt)})
		case last >= 0 && strings.TrimSpace(line) != "" && strings.TrimSpace(line) != "…":
			commands[last].output = append(commands[last].output, line)
		}
	}
	return commands
}

// runnable tells the commands that end by themselves and need nothing else.
func (c command) runnable() bool {
	return len(c.args) > 1 && c.args[0] == "gatehouse" &&
		slices.Contains([]string{"validate", "translate", "bootstrap", "version", "completion", "vtl", "diff", "explain", "export", "import"}, c.args[1]) &&
		!slices.ContainsFunc(c.args, func(a string) bool { return a == "|" || a == ">" })
}

func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(proctest.Root(t), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	return append(files, filepath.Join(proctest.Root(t), "README.md"))
}

// TestDocumentedCommands runs the gatehouse commands that README.md and docs/
// show, and looks for every output line shown below them, in that order. The
// files that a page shows are beside the examples when its commands run.
func TestDocumentedCommands(t *testing.T) {
	binary := proctest.Gatehouse(t)
	for _, file := range pages(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p := readPage(string(text))
		dir := t.TempDir()
		if err := os.Symlink(filepath.Join(proctest.Root(t), "examples"), filepath.Join(dir, "examples")); err != nil {
			t.Fatal(err)
		}
		for name, content := range p.files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range p.commands {
			if !c.runnable() {
				continue
			}
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), c.line), func(t *testing.T) {
				var out bytes.Buffer
				cmd := exec.Command(binary, c.args[1:]...)
				cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
				err := cmd.Run()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				if got := cmd.ProcessState.ExitCode(); got != c.exit {
					t.Errorf("%s: exit code %d, shown is %d\n%s", strings.Join(c.args, " "), got, c.exit, &out)
				}
				rest := strings.Split(out.String(), "\n")
				for _, want := range c.output {
					at := slices.Index(rest, want)
					if at < 0 {
						t.Errorf("%s: the output lacks this line, or has it elsewhere:\n%s\nThe output:\n%s", strings.Join(c.args, " "), want, &out)
						break
					}
					rest = rest[at+1:]
				}
			})
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchor is how GitHub names a heading in links.
func anchor(heading string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || r > 127 && r != '…':
			return r
		}
		return -1
	}, strings.ToLower(heading))
	return "#" + kept
}

// TestLinks follows the links between the pages and to files of the repository.
func TestLinks(t *testing.T) {
	for _, file := range pages(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(file), m[1])
			content, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s links to %s: %v", filepath.Base(file), m[1], err)
				continue
			}
			if m[2] == "" {
				continue
			}
			found := slices.ContainsFunc(heading.FindAllStringSubmatch(string(content), -1), func(h []string) bool {
				return anchor(h[1]) == m[2]
			})
			if !found {
				t.Errorf("%s links to %s%s, and there is no such heading", filepath.Base(file), m[1], m[2])
			}
		}
	}
}

// reported finds the codes of diagnostics in Go sources.
var reported = regexp.MustCompile(`(?i)(?:errorf|warnf)\([^"]{0,60}"([a-z]+(?:-[a-z0-9]+)*)",|Code:\s+"([a-z]+(?:-[a-z0-9]+)*)"|\bCode[A-Z]\w* += "([a-z]+(?:-[a-z0-9]+)*)"`)

// TestDiagnosticCodesDocumented holds docs/troubleshooting.md to the codes that
// the sources report: none is missing there, none is left over.
func TestDiagnosticCodesDocumented(t *testing.T) {
	inSource := map[string]string{}
	for _, dir := range []string{"definition", "gateway", "translator", "extauthz", "integration", "internal/amazon", "internal/cli", "internal/oidc", "internal/revision", "management", "portal", "ratelimit/descriptorfile"} {
		err := filepath.WalkDir(filepath.Join(proctest.Root(t), dir), func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range reported.FindAllStringSubmatch(string(text), -1) {
				inSource[m[1]+m[2]+m[3]] = path
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(proctest.Root(t), "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
	}
	for code, path := range inSource {
		if !documented[code] {
			t.Errorf("docs/troubleshooting.md lacks the code %s of %s", code, path)
		}
	}
	for code := range documented {
		if inSource[code] == "" {
			t.Errorf("docs/troubleshooting.md has the code %s, which nothing reports", code)
		}
	}
}
