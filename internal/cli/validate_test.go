package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/envoytest"
)

// fiveMistakes has them on the lines that end with a number sign.
const fiveMistakes = `gateways:
  - name: edge
    listeners: [{port: 8080, adress: 127.0.0.1}] #
  - name: inner
    listeners: [{port: 808080}] #
apis:
  - name: petstore
    protocol: SOAP #
    definition: absent.openapi.yaml #
    stages: [{name: v1}]
usagePlans:
  - {name: gold, stages: [petstore], keys: []} #
`

var diagnosticLine = regexp.MustCompile(`^(.*):(\d+):(\d+): (error|warning) ([a-z0-9-]+): .+$`)

func TestValidateReportsEveryProblemAtOnce(t *testing.T) {
	dir := files(t, map[string]string{"gatehouse.yaml": fiveMistakes})
	path := filepath.Join(dir, "gatehouse.yaml")
	got := command(t, "validate", path)
	if got.code != exitProblems {
		t.Errorf("exit code %d", got.code)
	}
	found := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(got.out), "\n") {
		m := diagnosticLine.FindStringSubmatch(line)
		if m == nil || m[1] != path {
			t.Errorf("not a diagnostic: %s", line)
			continue
		}
		found[m[2]] = true
	}
	for i, line := range strings.Split(fiveMistakes, "\n") {
		if number := fmt.Sprint(i + 1); strings.HasSuffix(line, "#") != found[number] {
			t.Errorf("line %s: mistake %v, found %v: %s", number, strings.HasSuffix(line, "#"), found[number], line)
		}
	}
	if t.Failed() {
		t.Log(got.out)
	}
	if !strings.Contains(got.err, "5 errors") {
		t.Errorf("stderr: %s", got.err)
	}
}

func TestValidateForMachines(t *testing.T) {
	dir := files(t, map[string]string{"gatehouse.yaml": fiveMistakes})
	path := filepath.Join(dir, "gatehouse.yaml")

	asJSON := command(t, "validate", "-o", "json", path)
	var list []diagnosticJSON
	if err := json.Unmarshal([]byte(asJSON.out), &list); err != nil || len(list) != 5 || list[0].Line != 3 || list[0].Severity != "error" {
		t.Errorf("%v: %s", err, asJSON.out)
	}

	asSARIF := command(t, "validate", "-o", "sarif", path)
	var log sarifLog
	if err := json.Unmarshal([]byte(asSARIF.out), &log); err != nil || len(log.Runs) != 1 || len(log.Runs[0].Results) != 5 {
		t.Fatalf("%v: %s", err, asSARIF.out)
	}
	first := log.Runs[0].Results[0]
	if first.Level != "error" || first.Locations[0].Physical.Region.StartLine != 3 {
		t.Errorf("%+v", first)
	}
	if asJSON.code != exitProblems || asSARIF.code != exitProblems {
		t.Errorf("exit codes %d, %d", asJSON.code, asSARIF.code)
	}
}

func TestValidateGoodDefinitions(t *testing.T) {
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	for format, want := range map[string]string{"text": "", "json": "[]\n"} {
		if got := command(t, "validate", "-o", format, dir); got.code != exitGood || got.out != want {
			t.Errorf("%s: %+v", format, got)
		}
	}
}

func TestValidateReadsStandardInput(t *testing.T) {
	var out, err bytes.Buffer
	code := Main(t.Context(), []string{"validate", "-"}, Streams{In: strings.NewReader(fiveMistakes), Out: &out, Err: &err})
	if code != exitProblems || !strings.HasPrefix(out.String(), "-:3:") {
		t.Errorf("exit code %d: %s%s", code, &out, &err)
	}
}

func TestValidateAsksEnvoy(t *testing.T) {
	envoy := envoytest.Binary(t)
	dir := files(t, petstore(freePort(t), "http://127.0.0.1:9101"))
	if got := command(t, "validate", "--envoy="+envoy, dir); got.code != exitGood {
		t.Errorf("%+v", got)
	}
}
