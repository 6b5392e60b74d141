package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestTranslatePrintsResources(t *testing.T) {
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	asJSON, asYAML := command(t, "translate", "-o", "json", dir), command(t, "translate", dir)
	var fromJSON []map[string]any
	if err := json.Unmarshal([]byte(asJSON.out), &fromJSON); err != nil || len(fromJSON) != 1 || fromJSON[0]["gateway"] != "edge" {
		t.Fatalf("%v: %+v", err, asJSON)
	}
	var fromYAML map[string]any
	if err := yaml.Unmarshal([]byte(asYAML.out), &fromYAML); err != nil || fromYAML["gateway"] != "edge" {
		t.Fatalf("%v: %+v", err, asYAML)
	}
	if n := len(fromYAML["listeners"].([]any)); n == 0 || n != len(fromJSON[0]["listeners"].([]any)) {
		t.Errorf("%d listeners", n)
	}
	if again := command(t, "translate", dir); again.out != asYAML.out {
		t.Error("the same definitions print differently")
	}
}

func TestTranslateShowsWhatIsAskedFor(t *testing.T) {
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	got := command(t, "translate", "--type", "clusters", "--gateway", "edge", dir)
	if got.code != exitGood || strings.Contains(got.out, "listeners:") || !strings.Contains(got.out, "clusters:") {
		t.Errorf("%+v", got)
	}
	if got := command(t, "translate", "--gateway", "inner", dir); got.code != exitUsage || !strings.Contains(got.err, "[edge]") {
		t.Errorf("%+v", got)
	}
}

func TestTranslateHidesPrivateKeys(t *testing.T) {
	a := newAuthority(t)
	a.leaf("server")
	contents := petstore(8443, "http://127.0.0.1:9101")
	contents["gatehouse.yaml"] = strings.Replace(contents["gatehouse.yaml"], "address: 127.0.0.1",
		"address: 127.0.0.1, tls: {certificate: "+a.file("server.pem")+", key: "+a.file("server.key")+"}", 1)
	dir := files(t, contents)
	hidden := command(t, "translate", dir)
	if hidden.code != exitGood || strings.Contains(hidden.out+hidden.err, "PRIVATE KEY") || !strings.Contains(hidden.out, redacted) {
		t.Errorf("%+v", hidden)
	}
	if shown := command(t, "translate", "--show-secrets", dir); !strings.Contains(shown.out, "PRIVATE KEY") {
		t.Errorf("%+v", shown)
	}
}

func TestTranslateOfBrokenDefinitions(t *testing.T) {
	dir := files(t, map[string]string{"gatehouse.yaml": fiveMistakes})
	if got := command(t, "translate", dir); got.code != exitProblems || got.out != "" || !strings.Contains(got.err, "gatehouse.yaml:3:") {
		t.Errorf("%+v", got)
	}
}
