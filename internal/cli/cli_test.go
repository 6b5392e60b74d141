package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// command runs the program in this process.
func command(t *testing.T, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	return result{code, out.String(), err.String()}
}

// files writes files into a new folder, and gives the folder.
func files(t *testing.T, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range contents {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestExitCodes(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		// err is a part of stderr, and stdout is empty if it is set.
		err string
	}{
		"help":                 {[]string{"--help"}, 0, ""},
		"no command":           {nil, 0, ""},
		"version":              {[]string{"version"}, 0, ""},
		"version flag":         {[]string{"--version"}, 0, ""},
		"help of a command":    {[]string{"help", "run"}, 0, ""},
		"help of nothing":      {[]string{"help", "serv"}, 2, `did you mean "serve"?`},
		"no shell":             {[]string{"completion"}, 2, "bash, zsh"},
		"unknown command":      {[]string{"vers"}, 2, `did you mean "version"?`},
		"mistyped command":     {[]string{"vaildate", "."}, 2, `did you mean "validate"?`},
		"a word too few":       {[]string{"diff", "a.yaml"}, 2, "accepts 2 arg(s), received 1: gatehouse diff A B"},
		"no flag for files":    {[]string{"explain", "http://a.localhost/", "apis/"}, 2, "one URL is explained; name definitions with -f"},
		"unknown flag":         {[]string{"version", "--colour"}, 2, "unknown flag: --colour"},
		"superfluous word":     {[]string{"version", "please"}, 2, "unknown command"},
		"unknown format":       {[]string{"version", "-o", "xml"}, 2, "must be one of text, json"},
		"validate nothing":     {[]string{"validate"}, 2, "name the files or folders"},
		"translate nothing":    {[]string{"translate"}, 2, "See 'gatehouse translate --help'"},
		"unknown shell":        {[]string{"completion", "cmd.exe"}, 2, "invalid argument"},
		"serve without files":  {[]string{"serve", "--roles", "xds"}, 2, "there is no gatehouse.yaml here"},
		"open to the network":  {[]string{"serve", "--xds-address", "0.0.0.0:0", "."}, 2, "private keys travel there"},
		"a role of no release": {[]string{"serve", "--roles", "xds,dashboards", "."}, 2, `there is no role "dashboards"`},
		"functions for all":    {[]string{"serve", "--xds-address", "127.0.0.1:0", "--integration-address", "0.0.0.0:0", "."}, 2, "may call every function"},
		"no role for it":       {[]string{"serve", "--roles", "xds", "--integration-address", "127.0.0.1:0", "."}, 2, "--integration-address is for the role integration"},
		"TLS on a socket":      {[]string{"serve", "--xds-address", "unix:/x", "--xds-cert", "c.pem", "--xds-key", "k.pem", "."}, 2, "needs no --xds-cert"},
		"nowhere":              {[]string{"serve", "--xds-address", "", "."}, 2, "--xds-address: missing port"},
		"status on a socket":   {[]string{"serve", "--xds-address", "127.0.0.1:0", "--http-address", "unix:/x", "."}, 2, "--http-address"},
		"no port follows":      {[]string{"serve", "--xds-address", "127.0.0.1:65535", "."}, 2, "no port follows 65535"},
		"credentials in plain": {[]string{"serve", "--roles", "extauthz", "--xds-address", "0.0.0.0:0", "."}, 2, "what callers prove themselves by travel"},
		"no portals managed":   {[]string{"serve", "--roles", "xds,portal", "--portal-address", "127.0.0.1:0", "--portal-url", "https://developers.example.com", "."}, 2, "--portal-url is for the role management"},
		"portals nowhere":      {[]string{"serve", "--portal-url", "developers.example.com", "."}, 2, "--portal-url is no URL such as"},
		"run has all roles":    {[]string{"run", "--roles", "xds", "."}, 2, "unknown flag: --roles"},
		"replicas alone":       {[]string{"serve", "--ratelimit-replicas", "2", "."}, 2, "needs --redis-url"},
		"no replicas":          {[]string{"serve", "--redis-url", "redis://r", "--ratelimit-replicas", "0", "."}, 2, "at least 1"},
		"Redis without role":   {[]string{"serve", "--roles", "xds", "--redis-url", "redis://r", "."}, 2, "--roles leaves out"},
		"a hook of nobody":     {[]string{"serve", "--xds-address", "127.0.0.1:0", "--portal-webhook", "https://hooks.example.com/", "."}, 2, "for --portal-address, which is not given"},
		"a secret of no hook":  {[]string{"serve", "--portal-webhook-secret-file", "secret", "."}, 2, "for --portal-webhook, which is not given"},
		"a hook without TLS":   {[]string{"serve", "--xds-address", "127.0.0.1:0", "--portal-address", "127.0.0.1:0", "--portal-webhook", "http://hooks.example.com/", "."}, 2, "--portal-webhook: it is no URL such as https://"},
		"a hook unsigned":      {[]string{"serve", "--xds-address", "127.0.0.1:0", "--portal-address", "127.0.0.1:0", "--portal-webhook", "https://hooks.example.com/", "."}, 2, "--portal-webhook: the secret is not base64"},
		"no Prometheus":        {[]string{"serve", "--xds-address", "127.0.0.1:0", "--prometheus-url", "prometheus:9090", "."}, 2, "--prometheus-url: the scheme"},
		"no Redis address":     {[]string{"serve", "--xds-address", "127.0.0.1:0", "--redis-url", "http://r", "."}, 2, "--redis-url: redis: the scheme"},
		"passwords in plain":   {[]string{"serve", "--http-address", "0.0.0.0:0", "."}, 2, "asks for credentials"},
		"half of HTTPS":        {[]string{"serve", "--http-tls-cert", "cert.pem", "."}, 2, "go together"},
		"no such certificate":  {[]string{"serve", "--http-tls-cert", "no.pem", "--http-tls-key", "no.key", "."}, 1, "--http-tls-cert and --http-tls-key: open no.pem"},
		"half of TLS":          {[]string{"serve", "--xds-cert", "cert.pem", "."}, 2, "go together"},
		"no port":              {[]string{"serve", "--http-address", "localhost", "."}, 2, "--http-address: address localhost: missing port"},
		"bootstrap to port 0":  {[]string{"bootstrap", "--xds-address", "127.0.0.1:0"}, 2, "the port is 0"},
		"certificate, no CA":   {[]string{"bootstrap", "--tls-cert", "c.pem", "--tls-key", "c.key"}, 2, "CA"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := command(t, test.args...)
			if got.code != test.code || !strings.Contains(got.err, test.err) {
				t.Errorf("exit code %d, want %d; stderr lacks %q:\n%s", got.code, test.code, test.err, got.err)
			}
			if test.err != "" && got.out != "" {
				t.Errorf("talk on stdout: %s", got.out)
			}
		})
	}
}

func TestFlagsBeforeEnvironmentBeforeDefaults(t *testing.T) {
	t.Setenv("GATEHOUSE_VERSION", "1.2")
	if got := command(t, "help", "version"); got.code != 0 || !strings.Contains(got.out, "gatehouse version -o json") {
		t.Errorf("the help of version: %+v", got)
	}
	if got := command(t, "version"); strings.HasPrefix(got.out, "{") {
		t.Errorf("default: %s", got.out)
	}
	t.Setenv("GATEHOUSE_OUTPUT", "json")
	if got := command(t, "version"); !strings.HasPrefix(got.out, "{") {
		t.Errorf("environment: %s", got.out)
	}
	if got := command(t, "version", "-o", "text"); strings.HasPrefix(got.out, "{") {
		t.Errorf("flag: %s", got.out)
	}
	t.Setenv("GATEHOUSE_OUTPUT", "xml")
	if got := command(t, "version"); got.code != exitUsage || !strings.Contains(got.err, "GATEHOUSE_OUTPUT") {
		t.Errorf("wrong environment: %+v", got)
	}
}

// TestCommandsAreComplete asks of every command what its users will.
func TestCommandsAreComplete(t *testing.T) {
	root := newRoot()
	commands := append(root.Commands(), root)
	for _, cmd := range root.Commands() {
		commands = append(commands, cmd.Commands()...)
	}
	for _, cmd := range commands {
		// One that only has commands of its own shows them.
		acts := cmd.RunE != nil || cmd.HasSubCommands()
		if cmd.Short == "" || cmd.Example == "" || !acts {
			t.Errorf("%s lacks a description, an example or an action", cmd.CommandPath())
		}
		for _, line := range strings.Split(cmd.Example, "\n") {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "#") && !strings.Contains(line, "gatehouse") && !strings.HasPrefix(line, "--") {
				t.Errorf("%s: the example %q is not one of ours", cmd.CommandPath(), line)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if _, isChoice := f.Value.(*choice); !isChoice {
				return
			}
			complete, ok := cmd.GetFlagCompletionFunc(f.Name)
			if !ok {
				t.Errorf("%s: --%s has no completion", cmd.CommandPath(), f.Name)
				return
			}
			if words, _ := complete(cmd, nil, ""); len(words) < 2 {
				t.Errorf("%s: --%s completes to %v", cmd.CommandPath(), f.Name, words)
			}
		})
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := command(t, "completion", shell); got.code != 0 || !strings.Contains(got.out, "gatehouse") {
			t.Errorf("%s: %+v", shell, got)
		}
	}
	if got := command(t, cobra.ShellCompRequestCmd, "validate", "-o", ""); !strings.Contains(got.out, "sarif") {
		t.Errorf("validate -o completes to %s", got.out)
	}
}

func TestVersionNamesTheBuild(t *testing.T) {
	got := command(t, "version", "-o", "json")
	var b map[string]string
	if err := json.Unmarshal([]byte(got.out), &b); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"version", "go", "os", "arch"} {
		if b[key] == "" {
			t.Errorf("no %s in %v", key, maps.Collect(maps.All(b)))
		}
	}
}

func TestBootstrapPointsEnvoyHere(t *testing.T) {
	args := []string{
		"bootstrap", "--gateway", "sidecar", "--node-id", "orders-1", "--xds-address", "gatehouse.internal:18000",
		"--tls-ca", "ca.pem", "--tls-cert", "c.pem", "--tls-key", "c.key", "--admin", "none",
	}
	asYAML := command(t, args...)
	for _, want := range []string{"id: orders-1", "cluster: sidecar", "address: gatehouse.internal", "port_value: 18000", "filename: c.key"} {
		if !strings.Contains(asYAML.out, want) {
			t.Errorf("no %q in\n%s%s", want, asYAML.out, asYAML.err)
		}
	}
	asJSON := command(t, append(args, "-o", "json")...)
	var b map[string]any
	if err := json.Unmarshal([]byte(asJSON.out), &b); err != nil || b["admin"] != nil {
		t.Errorf("%v, admin %v", err, b["admin"])
	}
}
