package exampletest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

const composeFile = "examples/compose/docker-compose.yml"

// composition is what the tests look at in docker-compose.yml.
type composition struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Ports       []string
		HealthCheck struct{ Test []string }
	}
}

func readComposition(t *testing.T) composition {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(proctest.Root(t), composeFile))
	if err != nil {
		t.Fatal(err)
	}
	var c composition
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestComposeConfig has docker-compose check its file.
func TestComposeConfig(t *testing.T) {
	command := []string{"docker", "compose"}
	if exec.Command("docker", "compose", "version").Run() != nil {
		command = []string{"docker-compose"}
		if _, err := exec.LookPath("docker-compose"); err != nil {
			proctest.Missing(t, "docker-compose, which checks "+composeFile)
		}
	}
	args := append(command[1:], "-f", filepath.Join(proctest.Root(t), composeFile), "config", "--quiet")
	if out, err := exec.Command(command[0], args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", composeFile, err, out)
	}
}

// TestComposeBootstrap holds the committed bootstrap to the command that
// docker-compose.yml says it is made by.
func TestComposeBootstrap(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(proctest.Root(t), composeFile))
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "#   gatehouse bootstrap "); ok {
			args = strings.Fields(rest)
		}
	}
	if args == nil {
		t.Fatal("docker-compose.yml no longer says how its bootstrap is made")
	}
	got, err := exec.Command(proctest.Gatehouse(t), append([]string{"bootstrap"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(proctest.Root(t), "examples/compose/envoy/bootstrap.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("examples/compose/envoy/bootstrap.yaml is out of date; run\n\tgatehouse bootstrap %s >examples/compose/envoy/bootstrap.yaml", strings.Join(args, " "))
	}
}

// TestComposeCommands brings up what docker-compose.yml brings up, without
// containers: its commands, flags, bootstrap, definitions and health checks, with
// only the addresses changed.
func TestComposeCommands(t *testing.T) {
	c := readComposition(t)
	ports := freePorts(t, 5)
	listener, petstore, xds, status, admin := ports[0], ports[1], ports[2], ports[3], ports[4]
	definitions := copyExample(t, "examples/compose/config", "port: 8080", "port: "+listener, "petstore:9101", "127.0.0.1:"+petstore)
	bootstrap := copyExample(t, "examples/compose/envoy",
		"STRICT_DNS", "STATIC", "address: gatehouse", "address: 127.0.0.1", "18000", xds, "9901", admin)

	if got := c.Services["envoy"].Ports; len(got) != 1 || got[0] != "8080:8080" {
		t.Errorf("Envoy's ports are %v, its listener is on 8080", got)
	}
	proctest.Start(t, exec.Command(backend(t), "-addr", "127.0.0.1:"+petstore))

	serve := replaceAll(c.Services["gatehouse"].Command,
		"0.0.0.0:18000", "0.0.0.0:"+xds, "/var/lib/gatehouse", t.TempDir(), "/etc/gatehouse", definitions)
	control := exec.Command(proctest.Gatehouse(t), serve...)
	control.Env = append(os.Environ(), "GATEHOUSE_HTTP_ADDRESS=127.0.0.1:"+status)
	proctest.Start(t, control)

	command := replaceAll(c.Services["envoy"].Command, "/etc/envoy", bootstrap)
	if command[0] != "envoy" {
		t.Fatalf("Envoy's command is %v", command)
	}
	client := &http.Client{Timeout: 5 * time.Second}
	run := proctest.Start(t, exec.Command(envoytest.Binary(t), append(command[1:], "--use-dynamic-base-id")...))
	run.Await(client, "http://127.0.0.1:"+listener+"/pets")

	for service, oldNew := range map[string][]string{
		"gatehouse": {"/bin/probe", proctest.Program(t, "./examples/compose/probe"), ":8001", ":" + status},
		"petstore":  {"/bin/probe", proctest.Program(t, "./examples/compose/probe"), ":9101", ":" + petstore},
		"envoy":     {"/9901", "/" + admin},
	} {
		check := replaceAll(c.Services[service].HealthCheck.Test, oldNew...)
		if len(check) < 2 || check[0] != "CMD" {
			t.Errorf("the health check of %s is %v", service, check)
			continue
		}
		if out, err := exec.Command(check[1], check[2:]...).CombinedOutput(); err != nil {
			t.Errorf("the health check of %s: %v\n%s", service, err, out)
		}
		// It also has to fail when nothing is there.
		check[len(check)-1] = strings.NewReplacer(":"+status, ":1", ":"+petstore, ":1", "/"+admin, "/1").Replace(check[len(check)-1])
		if exec.Command(check[1], check[2:]...).Run() == nil {
			t.Errorf("the health check of %s succeeds with nothing there", service)
		}
	}
}

func replaceAll(words []string, oldNew ...string) []string {
	replacer := strings.NewReplacer(oldNew...)
	var out []string
	for _, w := range words {
		out = append(out, replacer.Replace(w))
	}
	return out
}
