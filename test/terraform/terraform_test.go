//go:build terraform

package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// terraform runs commands in a folder that has a configuration.
type terraform struct {
	t   *testing.T
	dir string
}

// run gives the exit code, and what was said.
func (f terraform) run(args ...string) (int, string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(proctest.Root(f.t), ".tools/terraform/terraform"), append(args, "-no-color")...)
	cmd.Dir, cmd.Env = f.dir, append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// must runs what has to succeed, and to say something.
func (f terraform) must(says string, args ...string) {
	f.t.Helper()
	if code, out := f.run(args...); code != 0 || !strings.Contains(out, says) {
		f.t.Fatalf("terraform %s: exit code %d, which does not say %q:\n%s", strings.Join(args, " "), code, says, out)
	}
}

// output is a value that the configuration gives.
func (f terraform) output(name string) string {
	f.t.Helper()
	code, out := f.run("output", name)
	if code != 0 {
		f.t.Fatal(out)
	}
	return strings.TrimSpace(out)
}

// TestTerraform makes resources of nearly every kind that REST APIs have, asks for it through
// Envoy, and changes it. After each, Terraform has to find what it has made: a plan that has
// something left to do would do it again with each run.
func TestTerraform(t *testing.T) {
	envoy := envoytest.Binary(t)
	config, err := os.ReadFile("pets.tf")
	if err != nil {
		t.Fatal(err)
	}
	dir, port, management := t.TempDir(), proctest.FreePort(t), proctest.FreePort(t)
	definitions := filepath.Join(t.TempDir(), "gatehouse.yaml")
	for name, text := range map[string]string{
		definitions:                            fmt.Sprintf("gateways: [{name: edge, listeners: [{address: 127.0.0.1, port: %d}]}]\nfunctions: [{name: \"arn:aws:lambda:eu-west-1:000000000000:function:auth\", url: \"http://127.0.0.1:9/\"}]\n", port),
		filepath.Join(dir, "pets.tf"):          string(config),
		filepath.Join(dir, "terraform.tfvars"): fmt.Sprintf("endpoint = \"http://127.0.0.1:%d\"\n", management),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g := proctest.Start(t, exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoy, "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(),
		"--http-address", fmt.Sprintf("127.0.0.1:%d", management), definitions))
	g.AwaitOutput("listening ")
	answer := func(path string, headers ...string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/%s", port, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	f := terraform{t, dir}
	f.must("successfully initialized", "init", "-plugin-dir="+filepath.Join(proctest.Root(t), ".tools/terraform/plugins"))
	f.must("Apply complete!", "apply", "-auto-approve")
	f.must("No changes", "plan", "-detailed-exitcode")

	body, pets := f.output("body"), f.output("pets")
	g.Until("the API of a document is served", func() bool {
		code, text := answer(body + "/live/a")
		return code == 200 && text == "red"
	}, func() string { code, text := answer(body + "/live/a"); return fmt.Sprint(code, " ", text) })
	if code, text := answer(pets + "/prod/pets/1"); code != 403 {
		t.Errorf("without a key: %d %s", code, text)
	}
	// The backend is nowhere, so that who is let in gets there, and no further.
	g.Until("the key is known", func() bool {
		code, _ := answer(pets+"/prod/pets/1", "x-api-key", f.output("key"))
		return code == 500
	}, func() string {
		code, text := answer(pets+"/prod/pets/1", "x-api-key", f.output("key"))
		return fmt.Sprint(code, " ", text)
	})

	changed := []string{"-var", "colour=blue", "-var", "rate=20"}
	f.must("Apply complete!", append([]string{"apply", "-auto-approve"}, changed...)...)
	f.must("No changes", append([]string{"plan", "-detailed-exitcode"}, changed...)...)
	f.must("Destroy complete!", append([]string{"destroy", "-auto-approve"}, changed...)...)
	g.Until("nothing is served any more", func() bool {
		code, _ := answer(body + "/live/a")
		return code == 403
	}, func() string { code, text := answer(body + "/live/a"); return fmt.Sprint(code, " ", text) })
}
