package exampletest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// commandNames are the commands that the program offers to complete, and "" for
// the program itself.
func commandNames(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command(proctest.Gatehouse(t), "__complete", "").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{""}
	for line := range strings.Lines(string(out)) {
		name, _, described := strings.Cut(line, "\t")
		if described {
			names = append(names, name)
		}
	}
	if len(names) < 7 {
		t.Fatalf("the commands are %q", names)
	}
	return names
}

// helpExamples are the command lines that the help of a command shows, each
// in one line.
func helpExamples(t *testing.T, name string) []string {
	t.Helper()
	out, err := exec.Command(proctest.Gatehouse(t), strings.Fields(name+" --help")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), "\nExamples:\n")
	rest, _, _ = strings.Cut(rest, "\n\n")
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(rest, "\\\n", "")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// serving is what commands that go on until they are stopped say once they work.
var serving = regexp.MustCompile(`(?m)^listening http|msg=serving|starting main dispatch loop`)

// goesOn finds the commands that serving is waited for.
var goesOn = regexp.MustCompile(`gatehouse (run|serve)\b|&& envoy `)

// unasked is what a server says of the requests that examples name, for keys and to APIs:
// nobody has made those there. TestPortal and TestExplainByRequestID ask about some that were made.
var unasked = regexp.MustCompile(`there is no request "x7k2m9q4pa"|is not among the last that Envoys told about`)

// TestHelpExamples runs every example of every command's help, in a folder with
// the files that they name.
func TestHelpExamples(t *testing.T) {
	a := struct{ bin, dir string }{t.TempDir(), t.TempDir()}
	ports := freePorts(t, 4)
	listener, xds, status := ports[0], ports[1], ports[2]
	link := func(from, to string) {
		t.Helper()
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	link(proctest.Gatehouse(t), filepath.Join(a.bin, "gatehouse"))
	// As /usr/bin/envoy, but for the name of its shared memory, of which there is
	// one on a machine. The commands that start Envoy themselves see to that.
	script := `#!/bin/sh
case " $* " in *" --use-dynamic-base-id "*) ;; *) set -- "$@" --use-dynamic-base-id ;; esac
exec '` + envoytest.Binary(t) + `' "$@"
`
	if err := os.WriteFile(filepath.Join(a.bin, "envoy"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	definitions := copyExample(t, "examples/petstore", "port: 8080", "port: "+listener)
	files, err := filepath.Glob(filepath.Join(definitions, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		link(file, filepath.Join(a.dir, filepath.Base(file)))
	}
	link(definitions, filepath.Join(a.dir, "apis"))
	limits := filepath.Join(a.dir, "limits")
	if err := os.Mkdir(limits, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(limits, "shop.yaml"), []byte("domain: shop\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "own-prices.yaml"), []byte("{name: own, currency: EUR, prices: [{meter: calls, tiers: [{price: 0.01}]}]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	certificates := filepath.Join(a.dir, "certs")
	if out, err := exec.Command(proctest.Program(t, "./examples/edge/makecerts"), "-dir", certificates).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, file := range map[string]string{"cp.pem": "default.pem", "cp.key": "default.key", "envoys.pem": "ca.pem"} {
		link(filepath.Join(certificates, file), filepath.Join(a.dir, name))
	}
	made := serveAsked(t, status, ports[3])
	replacer := strings.NewReplacer("7d3a0c1e-3f0f-4d5e-9a59-2f6f9c2b8f11", made, "/opt/envoy", filepath.Join(a.bin, "envoy"), "0.0.0.0:18000", "127.0.0.1:"+xds, "http://127.0.0.1:8001", "http://127.0.0.1:"+status)

	for _, name := range commandNames(t) {
		for _, line := range helpExamples(t, name) {
			t.Run(line, func(t *testing.T) {
				// fpath is where zsh looks for functions; its first entry has number 1.
				cmd := exec.Command("bash", "-euc", `fpath=(- "$PWD"); `+replacer.Replace(line))
				cmd.Dir = a.dir
				cmd.Env = append(os.Environ(), "PATH="+a.bin+":"+os.Getenv("PATH"),
					"GATEHOUSE_HTTP_ADDRESS=127.0.0.1:0", "GATEHOUSE_ADMIN=127.0.0.1:0", "GATEHOUSE_DATA_DIR="+t.TempDir())
				cmd.Env = append(cmd.Env, "GATEHOUSE_XDS_ADDRESS=127.0.0.1:"+xds, "GATEHOUSE_SERVER=http://127.0.0.1:"+status)
				if !goesOn.MatchString(line) {
					if out, err := cmd.CombinedOutput(); err != nil && !unasked.Match(out) {
						t.Errorf("%v\n%s", err, out)
					}
					return
				}
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				run := proctest.Start(t, cmd)
				// The shell does not pass the signal of stop on to what it runs.
				t.Cleanup(func() { _ = syscall.Kill(-run.Pid(), syscall.SIGTERM) })
				run.Until("it says that it serves", func() bool { return serving.MatchString(run.Output()) }, nil)
			})
		}
	}
}

// serveAsked runs the gateway that commands ask about the usage of a plan, to empty the
// cache of a stage, and about a request that was made, whose id it gives.
func serveAsked(t *testing.T, status, listener string) string {
	t.Helper()
	dir := copyExample(t, "examples/petstore", "      - name: v1\n", "      - name: v1\n        cache: {enabled: false}\n",
		"port: 8080", "port: "+listener)
	plan := "\napiKeys: [{name: acme, value: acme-key-0123456789-abcd}]\n" +
		"usagePlans: [{name: gold, quota: {limit: 100, period: MONTH}, stages: [petstore/v1], keys: [acme]}]\n"
	file, err := os.OpenFile(filepath.Join(dir, "gatehouse.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(plan); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	server := proctest.Start(t, exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0", "--xds-address", "127.0.0.1:0",
		"--http-address", "127.0.0.1:"+status, "--data-dir", t.TempDir(), dir))
	server.Until("it serves", func() bool { return strings.Contains(server.Output(), "listening http") }, nil)
	// The gateway answers this one by itself: there is no backend.
	request, err := http.NewRequest(http.MethodOptions, "http://127.0.0.1:"+listener+"/v1/pets", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	id := answer.Header.Get("X-Amzn-Requestid")
	if answer.StatusCode != 200 || id == "" {
		t.Fatalf("%s, request %q", answer.Status, id)
	}
	server.Until("the request is told", func() bool {
		told, err := http.Get("http://127.0.0.1:" + status + "/explain?request=" + id)
		if err == nil {
			told.Body.Close()
		}
		return err == nil && told.StatusCode == 200
	}, nil)
	return id
}

// TestBashCompletion has bash complete command lines as it does at a tab.
func TestBashCompletion(t *testing.T) {
	const library = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(library); err != nil {
		proctest.Missing(t, library+", which completion in bash needs")
	}
	const press = `
source "$LIBRARY"
source <(gatehouse completion bash)
COMP_WORDS=(gatehouse "$@") COMP_CWORD=$# COMP_LINE="gatehouse $*" COMP_TYPE=9
COMP_POINT=${#COMP_LINE}
"$(complete -p gatehouse | sed 's/.*-F \([^ ]*\).*/\1/')"
printf '%s\n' "${COMPREPLY[@]}"`
	bin := t.TempDir()
	if err := os.Symlink(proctest.Gatehouse(t), filepath.Join(bin, "gatehouse")); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"val":              "validate",
		"validate -o s":    "sarif",
		"translate --ty":   "--type",
		"translate -t sec": "secrets",
		"completion fi":    "fish",
		"version ":         "",
	} {
		cmd := exec.Command("bash", append([]string{"--norc", "-c", press, "bash"}, strings.Split(line, " ")...)...)
		cmd.Env = append(os.Environ(), "LIBRARY="+library, "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if got := strings.TrimSpace(string(out)); got != want {
			t.Errorf("%q completes to %q, want %q", line, got, want)
		}
	}
}
