package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "gatehouse"

// anything marks folders that may import all others.
const anything = "*"

// arrows are the folders of the repository, and which others the packages in them
// may import, tests aside. A package may always import what is in its own folder.
// What everything flows through, one way:
//
//	definition -> gateway <- translator -> (revision) -> xds
var arrows = map[string][]string{
	"gateway":     {},
	"definition":  {"gateway", "internal/nearest"},
	"translator":  {"gateway", "internal/wire"},
	"xds":         {"internal/obs"},
	"extauthz":    {"gateway", "extauthz/sigv4", "internal/amazon", "internal/encoded", "internal/executionlog", "internal/introspection", "internal/lambda", "internal/lambdaevent", "internal/wire", "internal/obs"},
	"ratelimit":   {"gateway", "internal/durable", "internal/nearest", "internal/wire", "internal/obs"},
	"integration": {"gateway", "integration/vtl", "integration/stagecache", "integration/upstream", "telemetry/socket", "internal/amazon", "internal/executionlog", "internal/lambda", "internal/lambdaevent", "internal/wire", "internal/obs"},
	"management":  {"gateway", "definition", "extauthz/sigv4"},
	"telemetry":   {"gateway", "telemetry/history", "telemetry/metering", "telemetry/socket", "internal/executionlog", "internal/lambdaevent", "internal/wire", "internal/obs"},
	"explain":     {"gateway", "extauthz/sigv4", "translator", "telemetry/history", "telemetry/socket", "internal/lambdaevent", "internal/nearest", "internal/wire"},
	"dashboard":   {"gateway", "explain", "dashboard/signin", "telemetry", "telemetry/cost", "telemetry/history", "telemetry/metering", "internal/codeflow", "internal/difference", "internal/pageheaders", "internal/sessions"},

	// Who may look is apart from what there is to see.
	"dashboard/signin": {"gateway", "internal/codeflow"},

	// Templates know nothing of gateways: text and values in, text and overrides out.
	"integration/vtl": {},

	// What is kept, and where, is apart from whose answers they are.
	"integration/stagecache": {"internal/obs"},

	// Backends over HTTP are called in one way, whatever kind of API is before them.
	"integration/upstream": {"gateway", "internal/lockstep", "internal/obs"},

	// Signatures are verified in the same way for APIs and for the management API.
	"extauthz/sigv4": {"gateway"},

	// Stores that need a server, and what holds while a store fails.
	"ratelimit/redis":    {"ratelimit", "internal/obs"},
	"ratelimit/fallback": {"ratelimit", "gateway"},
	// Files of the reference service are read, and their mistakes told, as definitions are.
	"ratelimit/descriptorfile": {"ratelimit", "gateway", "definition", "internal/wire"},
	// A test helper, in which every store of limits is held to the same contract.
	"ratelimit/storetest": {"ratelimit"},

	// What bills are made of is counted and kept by itself, and priced by itself.
	"telemetry/history":  {"telemetry/socket"},
	"telemetry/archive":  {"telemetry/history"},
	"telemetry/metering": {"internal/durable"},
	// What is told of connections is known to both sides.
	"telemetry/socket": {"gateway", "internal/executionlog"},
	"telemetry/cost":   {"telemetry/metering"},

	// Portals keep requests where keys are made, and publish what is exported.
	"portal": {"gateway", "management", "internal/codeflow", "internal/pageheaders", "internal/sessions"},

	"cmd/gatehouse":      {"internal/cli", "internal/garbage"},
	"internal/cli":       {anything},
	"internal/revision":  {"gateway", "translator", "xds", "internal/durable"},
	"internal/oidc":      {"gateway", "internal/durable"},
	"internal/durable":   {},
	"internal/encoded":   {},
	"internal/garbage":   {},
	"internal/envoyproc": {},
	"internal/watch":     {},
	"internal/wire":      {},
	// What the process itself reports to collectors.
	"internal/otlp":    {},
	"internal/nearest": {},
	// Authorizers and integrations call functions in the same way.
	"internal/lambda": {"gateway", "internal/amazon", "internal/bounded"},
	// Services of AWS are found and signed for in one way.
	"internal/amazon": {"gateway", "internal/bounded", "internal/lockstep"},
	// Their events show requests in the same way.
	"internal/lambdaevent": {"gateway", "internal/wire"},
	// What is told of requests is written in one way.
	"internal/executionlog": {"internal/wire"},
	// People sign in at their providers in one way.
	"internal/codeflow":    {"gateway", "internal/bounded"},
	"internal/sessions":    {"management"},
	"internal/pageheaders": {},
	// What others answer is bounded in one way.
	"internal/bounded":  {},
	"internal/lockstep": {},
	"internal/webhook":  {"gateway"},
	// Authorization servers are asked about tokens.
	"internal/introspection": {"gateway", "internal/obs"},
	// Definitions are told apart in the model's own terms.
	"internal/difference": {"gateway"},
	"internal/obs":        {},

	"internal/arch":         {},
	"internal/golden":       {},
	"internal/envoytest":    {"internal/envoyproc", "internal/proctest"},
	"internal/oidctest":     {},
	"internal/pytools":      {"internal/proctest"},
	"internal/chromiumtest": {"internal/proctest"},
	"internal/disktest":     {},
	"internal/lambdatest":   {"internal/pytools"},
	"internal/mototest":     {"internal/proctest", "internal/pytools"},
	"internal/outputtest":   {},
	"internal/scripttest":   {},
	"internal/proctest":     {"internal/outputtest"},
	"internal/redistest":    {"internal/proctest"},
	"internal/etcdtest":     {"internal/proctest"},
	"internal/otlptest":     {},
	"internal/exampletest":  {anything},
	"test":                  {anything},
	// Examples stand for the users' own programs, which cannot import ours.
	"examples": {},
}

// testHelpers must not get into the program.
var testHelpers = []string{"internal/golden", "internal/envoytest", "internal/oidctest", "internal/pytools", "internal/chromiumtest", "internal/lambdatest", "internal/mototest", "internal/outputtest", "internal/scripttest", "internal/proctest", "internal/redistest", "internal/etcdtest", "internal/disktest", "internal/otlptest", "internal/exampletest", "internal/arch", "ratelimit/storetest", "management/store/storetest", "test"}

// sayNothing are names that any code would fit under.
var sayNothing = []string{
	"util", "utils", "common", "helper", "helpers", "types", "misc", "base", "shared", "lib", "pkg", "core", "manager", "impl",
}

type listedPackage struct {
	ImportPath string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// folder is the entry of arrows that the package falls under, "" for none.
func folder(importPath string) string {
	for at := strings.TrimPrefix(importPath, module+"/"); at != "."; at = path.Dir(at) {
		if _, ok := arrows[at]; ok {
			return at
		}
	}
	return ""
}

func list(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,GoFiles,Imports,Deps", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []listedPackage
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

func TestImportArrows(t *testing.T) {
	for _, p := range list(t) {
		from := folder(p.ImportPath)
		if from == "" {
			t.Errorf("%s is in no folder that has arrows: add it to the map above, and to the design", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			to := folder(imported)
			if !strings.HasPrefix(imported, module+"/") || to == from {
				continue
			}
			if !slices.Contains(arrows[from], to) && !slices.Contains(arrows[from], anything) {
				t.Errorf("%s imports %s; %s may import %v only", p.ImportPath, imported, from, arrows[from])
			}
		}
	}
}

func TestProgramHasNoTestHelpers(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"/cmd/gatehouse" {
			continue
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, module+"/") && slices.Contains(testHelpers, folder(dep)) {
				t.Errorf("the program is linked with %s", dep)
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range list(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		// Folders with nothing but tests have nobody who imports them.
		if len(p.GoFiles) > 0 && !strings.HasPrefix(p.Doc, want) {
			t.Errorf("the package comment of %s does not begin with %q: %q", p.ImportPath, want, p.Doc)
		}
	}
}

// TestArchitecturePage holds that whoever reads where things are finds all of them.
func TestArchitecturePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list(t) {
		at := strings.TrimPrefix(p.ImportPath, module+"/")
		// Packages may be named as what they are in the folder above.
		if !strings.HasPrefix(at, "examples/") && !bytes.Contains(page, []byte("`"+at+"`")) && !bytes.Contains(page, []byte(path.Base(at)+"/`")) {
			t.Errorf("docs/architecture.md does not name %s", at)
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range list(t) {
		for _, element := range strings.Split(p.ImportPath, "/") {
			if slices.Contains(sayNothing, element) {
				t.Errorf("%s: the name %q says nothing", p.ImportPath, element)
			}
		}
	}
}
