package exampletest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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
	TmpFS       []string
	Environment map[string]string
	Networks    []string
	Profiles    []string
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
	for _, more := range [][]string{nil, {"--profile", "monitoring"}} {
		args := append(slices.Concat(command[1:], []string{"-f", filepath.Join(proctest.Root(t), composeFile)}, more), "config", "--quiet")
		if out, err := exec.Command(command[0], args...).CombinedOutput(); err != nil {
			t.Errorf("%s %v: %v\n%s", composeFile, more, err, out)
		}
	}
	for name, s := range readComposition(t).Services {
		if optional := name == "prometheus" || name == "grafana"; optional != slices.Equal(s.Profiles, []string{"monitoring"}) {
			t.Errorf("%s is started with %v", name, s.Profiles)
		}
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
	if !together("prometheus", "gatehouse") || !together("prometheus", "envoy") || !together("grafana", "prometheus") ||
		together("grafana", "gatehouse") || together("grafana", "envoy") {
		t.Error("prometheus should reach gatehouse and envoy, and grafana prometheus alone")
	}
	public := map[string]bool{"envoy": true, "grafana": true}
	for name, s := range c.Services {
		if s.User == "" && s.Build.Target == "" || strings.HasPrefix(s.User, "0") || s.User == "root" {
			t.Errorf("%s runs as the user %q", name, s.User)
		}
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may do more than it has to", name)
		}
		for _, network := range s.Networks {
			if defined, ok := c.Networks[network]; !ok || !public[name] && !defined.Internal {
				t.Errorf("%s is in the network %s, which leads out or is not defined", name, network)
			}
		}
		if len(s.Ports) > 0 != public[name] || name == "grafana" && !strings.HasPrefix(s.Ports[0], "127.0.0.1:") {
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
			} else if _, ok := c.Volumes[from]; !ok {
				t.Errorf("%s: the volume %s is not defined", name, from)
			} else if s.Build.Target == "" {
				// That of somebody else's image, which belongs to its user.
				if name != "prometheus" || to != "/prometheus" {
					t.Errorf("%s keeps things in %s", name, to)
				}
			} else if !slices.Contains(images(t).images[s.Build.Target].volumes, to) {
				t.Errorf("%s: the image has no volume %s, which would belong to root", name, to)
			}
		}
	}
}

// composed is what docker-compose.yml brings up without a profile, without containers: the
// programs of the Dockerfile, its commands, flags, bootstrap, definitions, with only
// addresses and folders changed.
type composed struct {
	t *testing.T
	composition
	// Ports of this machine that stand for those of the containers.
	listener, petstore, xds, status, admin, metrics, stats string
	// mounted are the folders that stand for what is mounted.
	mounted        map[string]string
	control, envoy *proctest.Process
}

// compose brings it up with more definitions than there are, and more in the environment of
// gatehouse.
func compose(t *testing.T, more map[string]string, environment ...string) *composed {
	t.Helper()
	ports := freePorts(t, 7)
	x := &composed{
		t: t, composition: readComposition(t),
		listener: ports[0], petstore: ports[1], xds: ports[2], status: ports[3], admin: ports[4], metrics: ports[5], stats: ports[6],
	}
	definitions := copyExample(t, "examples/compose/config", "port: 8080", "port: "+x.listener, "petstore:9101", "127.0.0.1:"+x.petstore)
	for name, text := range more {
		if err := os.WriteFile(filepath.Join(definitions, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bootstrap := copyExample(t, "examples/compose/envoy",
		"STRICT_DNS", "STATIC", "address: gatehouse", "address: 127.0.0.1", "18000", x.xds, "18001", next(t, x.xds), "9901", x.admin, "9902", x.stats)
	x.mounted = map[string]string{"./config": definitions, "./envoy": bootstrap, "gatehouse-data": t.TempDir()}

	words, dir := x.command("petstore", "0.0.0.0:9101", "127.0.0.1:"+x.petstore)
	x.start(words, dir)
	words, dir = x.command("gatehouse", "0.0.0.0:18000", "0.0.0.0:"+x.xds, "0.0.0.0:8002", "0.0.0.0:"+x.metrics)
	x.control = x.start(words, dir, append(environment, "GATEHOUSE_HTTP_ADDRESS=127.0.0.1:"+x.status)...)
	words, dir = x.command("envoy")
	if words[0] != "envoy" {
		t.Fatalf("Envoy's command is %v", words)
	}
	words[0] = envoytest.Binary(t)
	x.envoy = x.start(append(words, "--use-dynamic-base-id"), dir)
	return x
}

// next is the port that follows.
func next(t *testing.T, port string) string {
	t.Helper()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(n + 1)
}

// command is what a service runs, and the folder that is / to it.
func (x *composed) command(name string, oldNew ...string) ([]string, string) {
	x.t.Helper()
	s := x.Services[name]
	for _, volume := range s.Volumes {
		from, rest, _ := strings.Cut(volume, ":")
		to, _, _ := strings.Cut(rest, ":")
		oldNew = append(oldNew, to, x.mounted[from])
	}
	if s.Build.Target == "" {
		return replaceAll(s.Command, oldNew...), "/"
	}
	if filepath.Join(filepath.Dir(composeFile), s.Build.Context) != "." || s.Build.Dockerfile != dockerfile {
		x.t.Errorf("%s is built by %s in %s", name, s.Build.Dockerfile, s.Build.Context)
	}
	stage := images(x.t).images[s.Build.Target]
	if stage == nil {
		x.t.Fatalf("%s has no stage %s", dockerfile, s.Build.Target)
	}
	words := stage.cmd
	if s.Command != nil {
		words = s.Command
	}
	return append([]string{filepath.Join(stage.root, stage.entrypoint[0])}, replaceAll(words, oldNew...)...), stage.root
}

// start runs a service as a container would: with nothing in its environment.
func (x *composed) start(words []string, dir string, environment ...string) *proctest.Process {
	x.t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = dir, append(environment, "PATH=/bin")
	return proctest.Start(x.t, cmd)
}

// TestComposeCommands holds that what docker-compose.yml brings up serves, is healthy, and
// follows what changes.
func TestComposeCommands(t *testing.T) {
	x := compose(t, nil)
	if got := x.Services["envoy"].Ports; len(got) != 1 || got[0] != "8080:8080" {
		t.Errorf("Envoy's ports are %v, its listener is on 8080", got)
	}
	client := &http.Client{Timeout: 5 * time.Second}
	x.envoy.Await(client, "http://127.0.0.1:"+x.listener+"/pets")

	for service, oldNew := range map[string][]string{
		"gatehouse": {":8001", ":" + x.status},
		"petstore":  {":9101", ":" + x.petstore},
		"envoy":     {"/9901", "/" + x.admin},
	} {
		check := replaceAll(x.Services[service].HealthCheck.Test, oldNew...)
		if len(check) < 2 || check[0] != "CMD" {
			t.Errorf("the health check of %s is %v", service, check)
			continue
		}
		if target := x.Services[service].Build.Target; target != "" {
			check[1] = filepath.Join(images(t).images[target].root, check[1])
		}
		if out, err := exec.Command(check[1], check[2:]...).CombinedOutput(); err != nil {
			t.Errorf("the health check of %s: %v\n%s", service, err, out)
		}
		// It also has to fail when nothing is there.
		check[len(check)-1] = strings.NewReplacer(":"+x.status, ":1", ":"+x.petstore, ":1", "/"+x.admin, "/1").Replace(check[len(check)-1])
		if exec.Command(check[1], check[2:]...).Run() == nil {
			t.Errorf("the health check of %s succeeds with nothing there", service)
		}
	}

	// A file that is saved in the mounted folder is live.
	file := filepath.Join(x.mounted["./config"], "pets.openapi.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "\npaths:\n", "\npaths:\n  /healthz: {get: {responses: {\"200\": {description: Well.}}}}\n", 1)
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	x.envoy.Await(client, "http://127.0.0.1:"+x.listener+"/healthz")
	// What every Envoy has taken is kept in the volume, and a stopped control plane
	// takes no requests with it.
	kept := func() bool {
		files, err := os.ReadDir(x.mounted["gatehouse-data"])
		return err == nil && len(files) > 0
	}
	x.control.Until("its last revision is kept in the volume", kept, nil)
	if code := x.control.Stop(); code != 0 {
		t.Errorf("gatehouse ends with %d when it is stopped", code)
	}
	x.envoy.Await(client, "http://127.0.0.1:"+x.listener+"/healthz")
}

func replaceAll(words []string, oldNew ...string) []string {
	replacer := strings.NewReplacer(oldNew...)
	var out []string
	for _, w := range words {
		out = append(out, replacer.Replace(w))
	}
	return out
}
