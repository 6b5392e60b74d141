package definition_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/definition"
	"gatehouse/gateway"
)

// loadBeside loads a file of the owner's beside one that others have written.
func loadBeside(t *testing.T, own, foreign string) definition.Result {
	t.Helper()
	return loaderBeside(map[string]string{"own.yaml": own, "foreign:a.json": foreign, "api.json": strings.ReplaceAll(foreignAPI, "SCHEMA", "{}")}).
		Load(t.Context(), []string{"own.yaml", "foreign:a.json"})
}

func loaderBeside(files map[string]string) *definition.Loader {
	return definition.NewLoader(definition.Options{
		ReadFile: func(name string) ([]byte, error) {
			if text, ok := files[name]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("it does not exist")
		},
		Foreign: func(path string) bool { return strings.HasPrefix(path, "foreign:") },
	})
}

// TestForeignFilesAreReadOnce holds that what is remembered of foreign files is what they say
// now, beside what the owner's files say now.
func TestForeignFilesAreReadOnce(t *testing.T) {
	chain, key := certificate(t, time.Now().Add(-time.Hour))
	renewed, renewedKey := certificate(t, time.Now().Add(-time.Hour))
	own := func(chain, key string) string {
		return `{"certificates": [{"arn": "arn:known", "certificate": "` + strings.ReplaceAll(chain, "\n", `\n`) + `", "key": "` + strings.ReplaceAll(key, "\n", `\n`) + `"}]}`
	}
	foreign := func(value string) string {
		return `{"apiKeys": [{"name": "k", "value": "` + value + `-0123456789"}], "domains": [{"name": "a.example.com", "tls": {"arn": "arn:known"}, "mappings": []}]}`
	}
	files := map[string]string{"own.yaml": own(chain, key), "foreign:a.json": foreign("first-value")}
	loader := loaderBeside(files)
	read := func() (string, string) {
		t.Helper()
		got := loader.Load(t.Context(), []string{"own.yaml", "foreign:a.json"})
		if got.Snapshot == nil {
			t.Fatal(got.Diagnostics)
		}
		return got.Snapshot.APIKeys[0].Values[0].Reveal(), got.Snapshot.Domains[0].TLS.Certificate
	}
	for range 2 {
		if value, certificate := read(); value != "first-value-0123456789" || certificate != chain {
			t.Errorf("at first: %s, %s", value, certificate)
		}
	}
	files["own.yaml"] = own(renewed, renewedKey)
	if _, certificate := read(); certificate != renewed {
		t.Error("a renewed certificate is not taken")
	}
	files["foreign:a.json"] = foreign("other-value")
	if value, _ := read(); value != "other-value-0123456789" {
		t.Errorf("the key is %s", value)
	}
	// A mistake is told each time.
	files["foreign:a.json"] = `{"apiKeys": [{"name": "k", "value": "short"}]}`
	for range 2 {
		if got := loader.Load(t.Context(), []string{"own.yaml", "foreign:a.json"}); got.Snapshot != nil || len(got.Diagnostics) != 1 {
			t.Errorf("%v", got.Diagnostics)
		}
	}
}

func codes(ds gateway.Diagnostics) (all []string) {
	for _, d := range ds {
		if d.Pos.File == "api.json" {
			continue // the document is none of this test's
		}
		all = append(all, d.Severity.String()[:1]+" "+d.Code+" "+d.Pos.File)
	}
	return all
}

// TestForeignPartsGiveWay holds that what others write can be wrong beside the owner's files
// without keeping anything else from being served.
func TestForeignPartsGiveWay(t *testing.T) {
	got := loadBeside(t, `
apis: [{name: notes, definition: api.json, stages: [{name: v1}]}]
apiKeys: [{name: own, value: own-value-0123456789}]
domains: [{name: own.example.com, mappings: [{path: "", stage: notes/v1}]}]
portals: [{name: taken, url: "https://own.example.com/taken", pages: [{name: own, title: Own, body: Own.}]}]
`, `{
	"portals": [{"name": "taken", "url": "https://own.example.com", "pages": [{"name": "other", "title": "x", "body": "x"}]},
		{"name": "other", "url": "https://own.example.com", "pages": [{"name": "a", "title": "a", "body": "${HOME} and $$5"}], "apis": [
			{"stage": "gone/v1", "server": "https://own.example.com"}, {"stage": "notes/v1", "server": "https://own.example.com", "show": ["GET /gone", "POST /"]}]},
		{"name": "empty", "url": "https://own.example.com", "apis": [{"stage": "notes/v1", "server": "https://own.example.com", "show": ["GET /gone"]}]}],
	"apiKeys": [{"name": "k1", "value": "own-value-0123456789"}, {"name": "k2", "value": "other-value-0123456789"}],
	"usagePlans": [{"name": "p", "keys": ["k1", "k2", "gone"], "stages": ["notes/gone", "gone/v1", {"stage": "notes/v1", "routes": {"GET /gone": {"throttle": {"rate": 1}}}}]}],
	"domains": [{"name": "own.example.com", "mappings": []}, {"name": "other.example.com", "mappings": [{"path": "a", "stage": "notes/v1"}, {"path": "b", "stage": "gone/v1"}]}]}`)
	if got.Snapshot == nil {
		t.Fatal(got.Diagnostics)
	}
	s := got.Snapshot
	if len(s.APIKeys) != 2 || s.APIKeys[0].Name != "own" || s.APIKeys[1].Name != "k2" {
		t.Errorf("the keys are %v", s.APIKeys)
	}
	plan := s.UsagePlans[0]
	if diff := cmp.Diff([]string{"k2"}, plan.Keys); diff != "" || len(plan.Stages) != 1 || len(plan.Stages[0].Routes) != 0 {
		t.Errorf("the plan is %+v", plan)
	}
	if len(s.Domains) != 2 || s.Domains[0].Mappings[0].Stage != "v1" || len(s.Domains[1].Mappings) != 1 {
		t.Errorf("the domains are %+v", s.Domains)
	}
	if len(s.Portals) != 3 || s.Portals[0].Pages[0].Name != "own" || s.Portals[1].Pages[0].Body != "${HOME} and $$5" || len(s.Portals[2].APIs) != 0 {
		t.Errorf("the portals are %+v", s.Portals)
	}
	if apis := s.Portals[1].APIs; len(apis) != 1 || apis[0].API != "notes" || len(apis[0].Shown) != 1 || apis[0].Shown[0].Pattern != "POST /" {
		t.Errorf("the portal publishes %+v", apis)
	}
	if diff := cmp.Diff([]string{"w duplicate-name foreign:a.json", "w duplicate-name foreign:a.json", "w duplicate-value foreign:a.json"}, sortedCodes(got.Diagnostics)); diff != "" {
		t.Error(diff)
	}
	// In the owner's own files, all of it is a mistake.
	own := loadBeside(t, `
apis: [{name: notes, definition: api.json, stages: [{name: v1, clientCertificate: gone}]}]
apiKeys: [{name: own, value: own-value-0123456789}, {name: k1, value: own-value-0123456789}]
usagePlans: [{name: p, keys: [gone], stages: [notes/gone]}]
domains:
  - {name: a.example.com, mappings: [{path: "", stage: notes/gone}]}
  - {name: b.example.com, tls: {arn: gone}, mappings: [{path: "", stage: notes/v1}]}
`, `{}`)
	want := []string{"e duplicate-value own.yaml", "e unknown-api-key own.yaml", "e unknown-certificate own.yaml", "e unknown-client-certificate own.yaml", "e unknown-stage own.yaml", "e unknown-stage own.yaml"}
	if diff := cmp.Diff(want, sortedCodes(own.Diagnostics)); diff != "" {
		t.Error(diff)
	}
}

func sortedCodes(ds gateway.Diagnostics) []string {
	all := codes(ds)
	slices.Sort(all)
	return all
}

// TestCertificatesByName holds what ARNs and URIs of truststores stand for, and that nobody
// is let in without a certificate where one was to be asked for.
func TestCertificatesByName(t *testing.T) {
	chain, key := certificate(t, time.Now().Add(-time.Hour))
	authority, _ := certificate(t, time.Now().Add(-time.Hour))
	quoted := func(text string) string { return `"` + strings.ReplaceAll(text, "\n", `\n`) + `"` }
	own := `
gateways: [{name: edge, listeners: [{port: 8443, tls: {arn: "arn:known"}}]}]
apis: [{name: notes, definition: api.json, disableExecuteApiEndpoint: true, stages: [{name: v1}]}]
certificates: [{arn: "arn:known", certificate: ` + quoted(chain) + `, key: ` + quoted(key) + `}]
truststores: [{uri: "s3://known/ca", clientCA: ` + quoted(authority) + `}]
`
	domains := map[string]string{
		"known": `{"arn": "arn:known"}`, "unknown": `{"arn": "arn:unknown"}`,
		"mutual": `{"arn": "arn:known", "truststore": "s3://known/ca"}`, "untrusted": `{"arn": "arn:known", "truststore": "s3://unknown/ca"}`,
		"uncertified": `{"arn": "arn:unknown", "truststore": "s3://known/ca"}`,
	}
	var written []string
	for name, tls := range domains {
		written = append(written, `{"name": "`+name+`.example.com", "tls": `+tls+`, "mappings": [{"path": "", "stage": "notes/v1"}]}`)
	}
	got := loadBeside(t, own, `{"domains": [`+strings.Join(written, ",")+`]}`)
	if got.Snapshot == nil {
		t.Fatal(got.Diagnostics)
	}
	served := map[string]string{}
	for _, d := range got.Snapshot.Domains {
		switch {
		case d.TLS == nil:
			served[d.Name] = "plain"
		case d.TLS.Certificate == chain && d.TLS.Key.Reveal() == key && d.TLS.ClientCA == "":
			served[d.Name] = "certified"
		case d.TLS.Certificate == chain && d.TLS.ClientCA == authority:
			served[d.Name] = "mutual"
		default:
			served[d.Name] = "something else"
		}
	}
	want := map[string]string{"known.example.com": "certified", "unknown.example.com": "plain", "mutual.example.com": "mutual"}
	if diff := cmp.Diff(want, served); diff != "" {
		t.Error(diff)
	}
	if got.Snapshot.Gateways[0].Listeners[0].TLS.Certificate != chain {
		t.Error("the listener has another certificate")
	}
	if diff := cmp.Diff([]string{"w not-an-authority foreign:a.json", "w unknown-certificate foreign:a.json", "w unknown-certificate foreign:a.json", "w unknown-truststore foreign:a.json"}, sortedCodes(got.Diagnostics)); diff != "" {
		t.Error(diff)
	}
}
