package exampletest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

type service struct {
	Image       string
	Build       struct{ Context, Dockerfile, Target string }
	Command     []string
	User        string
	Ports       []string
	Volumes     []string
	Networks    []string
	HealthCheck struct{ Test []string }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	ReadOnly    bool                                  `yaml:"read_only"`
	CapDrop     []string                              `yaml:"cap_drop"`
	SecurityOpt []string                              `yaml:"security_opt"`
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

// TestComposeIsolation looks at what only docker can do: who reaches whom, and what
// a service that was broken into could do.
func TestComposeIsolation(t *testing.T) {
	c := readComposition(t)
	together := func(a, b string) bool {
		return slices.ContainsFunc(c.Services[a].Networks, func(n string) bool { return slices.Contains(c.Services[b].Networks, n) })
	}
	if !together("envoy", "gatehouse") || !together("envoy", "petstore") || together("gatehouse", "petstore") {
		t.Error("envoy should share a network with gatehouse, and another with petstore")
	}
	for name, s := range c.Services {
		if s.User == "" && s.Build.Target == "" || strings.HasPrefix(s.User, "0") || s.User == "root" {
			t.Errorf("%s runs as the user %q", name, s.User)
		}
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may do more than it has to", name)
		}
		for _, network := range s.Networks {
			if defined, ok := c.Networks[network]; !ok || name != "envoy" && !defined.Internal {
				t.Errorf("%s is in the network %s, which leads out or is not defined", name, network)
			}
		}
		if len(s.Ports) > 0 != (name == "envoy") {
			t.Errorf("%s publishes %v", name, s.Ports)
		}
		for needed, how := range s.DependsOn {
			if how.Condition != "service_healthy" || len(c.Services[needed].HealthCheck.Test) == 0 {
				t.Errorf("%s does not wait until %s is healthy", name, needed)
			}
		}
		for _, volume := range s.Volumes {
			from, rest, _ := strings.Cut(volume, ":")
			to, mode, _ := strings.Cut(rest, ":")
			if strings.HasPrefix(from, ".") {
				if info, err := os.Stat(filepath.Join(proctest.Root(t), filepath.Dir(composeFile), from)); err != nil || !info.IsDir() || mode != "ro" {
					t.Errorf("%s: %s is not a folder of the example, mounted to be read (%v)", name, volume, err)
				}
			} else if _, ok := c.Volumes[from]; !ok || !slices.Contains(images(t).images[s.Build.Target].volumes, to) {
				t.Errorf("%s: the image has no volume %s, which would belong to root", name, to)
			}
		}
	}
}

// TestComposeCommands brings up what docker-compose.yml brings up, without
// containers: the programs of the Dockerfile, its commands, flags, bootstrap,
// definitions and health checks, with only addresses and folders changed.
func TestComposeCommands(t *testing.T) {
	c := readComposition(t)
	ports := freePorts(t, 5)
	listener, petstore, xds, status, admin := ports[0], ports[1], ports[2], ports[3], ports[4]
	definitions := copyExample(t, "examples/compose/config", "port: 8080", "port: "+listener, "petstore:9101", "127.0.0.1:"+petstore)
	bootstrap := copyExample(t, "examples/compose/envoy",
		"STRICT_DNS", "STATIC", "address: gatehouse", "address: 127.0.0.1", "18000", xds, "9901", admin)
	mounted := map[string]string{"./config": definitions, "./envoy": bootstrap, "gatehouse-data": t.TempDir()}

	if got := c.Services["envoy"].Ports; len(got) != 1 || got[0] != "8080:8080" {
		t.Errorf("Envoy's ports are %v, its listener is on 8080", got)
	}
	// command is what a service runs, and the folder that is / to it.
	command := func(name string, oldNew ...string) ([]string, string) {
		t.Helper()
		s := c.Services[name]
		for _, volume := range s.Volumes {
			from, rest, _ := strings.Cut(volume, ":")
			to, _, _ := strings.Cut(rest, ":")
			oldNew = append(oldNew, to, mounted[from])
		}
		if s.Build.Target == "" {
			return replaceAll(s.Command, oldNew...), "/"
		}
		if filepath.Join(filepath.Dir(composeFile), s.Build.Context) != "." || s.Build.Dockerfile != dockerfile {
			t.Errorf("%s is built by %s in %s", name, s.Build.Dockerfile, s.Build.Context)
		}
		stage := images(t).images[s.Build.Target]
		if stage == nil {
			t.Fatalf("%s has no stage %s", dockerfile, s.Build.Target)
		}
		words := stage.cmd
		if s.Command != nil {
			words = s.Command
		}
		return append([]string{filepath.Join(stage.root, stage.entrypoint[0])}, replaceAll(words, oldNew...)...), stage.root
	}
	// started runs a service as a container would: with nothing in its environment.
	started := func(words []string, dir string, environment ...string) *proctest.Process {
		t.Helper()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = dir, append(environment, "PATH=/bin")
		return proctest.Start(t, cmd)
	}

	words, dir := command("petstore", "0.0.0.0:9101", "127.0.0.1:"+petstore)
	started(words, dir)
	words, dir = command("gatehouse", "0.0.0.0:18000", "0.0.0.0:"+xds)
	control := started(words, dir, "GATEHOUSE_HTTP_ADDRESS=127.0.0.1:"+status)
	words, dir = command("envoy")
	if words[0] != "envoy" {
		t.Fatalf("Envoy's command is %v", words)
	}
	words[0] = envoytest.Binary(t)
	client := &http.Client{Timeout: 5 * time.Second}
	run := started(append(words, "--use-dynamic-base-id"), dir)
	run.Await(client, "http://127.0.0.1:"+listener+"/pets")

	for service, oldNew := range map[string][]string{
		"gatehouse": {":8001", ":" + status},
		"petstore":  {":9101", ":" + petstore},
		"envoy":     {"/9901", "/" + admin},
	} {
		check := replaceAll(c.Services[service].HealthCheck.Test, oldNew...)
		if len(check) < 2 || check[0] != "CMD" {
			t.Errorf("the health check of %s is %v", service, check)
			continue
		}
		if target := c.Services[service].Build.Target; target != "" {
			check[1] = filepath.Join(images(t).images[target].root, check[1])
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

	// A file that is saved in the mounted folder is live.
	file := filepath.Join(definitions, "pets.openapi.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "\npaths:\n", "\npaths:\n  /healthz: {get: {responses: {\"200\": {description: Well.}}}}\n", 1)
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	run.Await(client, "http://127.0.0.1:"+listener+"/healthz")
	// What every Envoy has taken is kept in the volume, and a stopped control plane
	// takes no requests with it.
	kept := func() bool {
		files, err := os.ReadDir(mounted["gatehouse-data"])
		return err == nil && len(files) > 0
	}
	control.Until("its last revision is kept in the volume", kept, nil)
	if code := control.Stop(); code != 0 {
		t.Errorf("gatehouse ends with %d when it is stopped", code)
	}
	run.Await(client, "http://127.0.0.1:"+listener+"/healthz")
}

func replaceAll(words []string, oldNew ...string) []string {
	replacer := strings.NewReplacer(oldNew...)
	var out []string
	for _, w := range words {
		out = append(out, replacer.Replace(w))
	}
	return out
}
