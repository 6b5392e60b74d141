package exampletest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/proctest"
)

// board is what the tests look at in a dashboard of Grafana's.
// See https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
type board struct {
	UID, Title    string
	SchemaVersion int
	Refresh       string
	Time          struct{ From, To string }
	Templating    struct{ List []boardVariable }
	Panels        []panel
}

type boardVariable struct {
	Name, Type, Definition string
	// Query is a text, or has one in it.
	Query      any
	Datasource datasource
	AllValue   string
}

type datasource struct{ Type, UID string }

// chosenPrometheus is the one that people choose at the head of the dashboard.
var chosenPrometheus = datasource{"prometheus", "${datasource}"}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               datasource
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct {
		Defaults struct {
			Unit     string
			Mappings []struct {
				Type    string
				Options map[string]struct{ Text, Color string }
			}
			Thresholds struct {
				Steps []struct {
					Color string
					Value *float64
				}
			}
		}
	}
	Options struct {
		ReduceOptions struct{ Calcs []string }
	}
	Targets []target
}

type target struct {
	RefID, Expr, LegendFormat string
	Datasource                datasource
}

// grafana reads the dashboard.
func grafana(t *testing.T) (b board) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(proctest.Root(t), monitoring, "grafana/dashboard.json"))
	if err == nil {
		err = json.Unmarshal(data, &b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// boardQuery asks for the values of a label.
type boardQuery struct{ name, selector, label string }

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// queries are those by which the dashboard finds what people may choose.
func (b board) queries(t *testing.T) (found []boardQuery) {
	t.Helper()
	for _, v := range b.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := labelValues.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Fatalf("the variable %s asks %q", v.Name, v.Definition)
		}
		found = append(found, boardQuery{v.Name, m[1], m[2]})
	}
	return found
}

// chosen is an expression as Grafana asks it when an API was chosen, by a regular expression.
func chosen(expression, api string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$api", api, "$stage", ".*").Replace(expression)
}

// rule is one of Prometheus's.
type rule struct{ Alert, Record, Expr string }

func rules(t *testing.T) (found []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	readExample(t, "prometheus/rules.yml", &file)
	for _, group := range file.Groups {
		found = append(found, group.Rules...)
	}
	return found
}

// readExample reads a YAML file of the example.
func readExample(t *testing.T, name string, to any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(proctest.Root(t), monitoring, name))
	if err == nil {
		err = yaml.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// expressions are those of the dashboard and of the rules.
func expressions(t *testing.T) (found []string) {
	t.Helper()
	for _, p := range grafana(t).Panels {
		for _, target := range p.Targets {
			found = append(found, target.Expr)
		}
	}
	for _, r := range rules(t) {
		found = append(found, r.Expr)
	}
	return found
}

// TestGrafana holds the dashboard to Grafana's model, as none is started here: it takes what it
// does not know without a word, and shows nothing, or a panel over another.
func TestGrafana(t *testing.T) {
	b := grafana(t)
	// Versions of the model up to that of the composition's Grafana 12.1.
	if b.SchemaVersion < 36 || b.SchemaVersion > 41 || b.UID == "" || b.Title == "" || b.Time.From == "" || b.Time.To != "now" || b.Refresh == "" {
		t.Errorf("the dashboard is %+v", b)
	}
	known := []string{"__rate_interval"}
	for i, v := range b.Templating.List {
		switch {
		case i == 0:
			if v.Name != "datasource" || v.Type != "datasource" || v.Query != "prometheus" {
				t.Errorf("the first variable is %+v", v)
			}
		case v.Type != "query" || v.Datasource != chosenPrometheus || v.AllValue != ".*" || fmt.Sprint(v.Query) != fmt.Sprint(map[string]any{"query": v.Definition, "refId": v.Name}):
			t.Errorf("the variable %s is %+v", v.Name, v)
		default:
			checkVariables(t, v.Name, v.Definition, known)
		}
		known = append(known, v.Name)
	}
	if queries := b.queries(t); len(queries) != 2 {
		t.Errorf("the variables ask %q", queries)
	}
	ids := map[int]bool{}
	// taken are the cells of Grafana's grid, of 24 columns.
	taken := map[[2]int]string{}
	for _, p := range b.Panels {
		if p.Title == "" || p.ID <= 0 || ids[p.ID] {
			t.Errorf("the panel %q has the id %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		if at := p.GridPos; at.X < 0 || at.Y < 0 || at.W < 1 || at.H < 1 || at.X+at.W > 24 {
			t.Errorf("%s is at %+v", p.Title, at)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[cell]; other != "" {
					t.Fatalf("%q is over %q", p.Title, other)
				}
				taken[cell] = p.Title
			}
		}
		p.check(t, known)
	}
	if len(ids) < 20 {
		t.Errorf("only %d panels were found", len(ids))
	}
}

// units are those of Grafana's that the dashboard uses, by their ids.
// See https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
var units = []string{"none", "short", "percentunit", "reqps", "mps", "cps", "s", "Bps"}

func (p panel) check(t *testing.T, known []string) {
	t.Helper()
	defaults := p.FieldConfig.Defaults
	switch p.Type {
	case "row":
		if p.GridPos.W != 24 || p.GridPos.H != 1 || len(p.Targets) != 0 {
			t.Errorf("the row %s is %+v", p.Title, p)
		}
		return
	case "stat":
		if len(p.Options.ReduceOptions.Calcs) != 1 || len(defaults.Mappings)+len(defaults.Thresholds.Steps) == 0 {
			t.Errorf("%s shows no number, or it looks the same whether or not all is well: %+v", p.Title, p)
		}
		// The first step is from minus infinity on, which JSON has as null.
		for i, step := range defaults.Thresholds.Steps {
			if (step.Value == nil) != (i == 0) || step.Color == "" {
				t.Errorf("%s has the steps %+v", p.Title, defaults.Thresholds.Steps)
			}
		}
	case "timeseries":
	default:
		t.Errorf("%s is a %s", p.Title, p.Type)
	}
	if !slices.Contains(units, defaults.Unit) || p.Description == "" || p.Datasource != chosenPrometheus || len(p.Targets) == 0 {
		t.Errorf("%s is %+v", p.Title, p)
	}
	refs := map[string]bool{}
	for _, target := range p.Targets {
		if target.RefID == "" || refs[target.RefID] || target.Datasource != chosenPrometheus || target.LegendFormat == "" {
			t.Errorf("%s asks %+v", p.Title, target)
		}
		refs[target.RefID] = true
		checkVariables(t, p.Title, target.Expr, known)
		// What is of an API is of those that were chosen.
		if strings.Contains(target.Expr, "gatehouse_apigateway_") || strings.Contains(target.Expr, "gatehouse_stage_cache_") {
			for _, selector := range regexp.MustCompile(`gatehouse_\w+(\{[^}]*\})?`).FindAllString(target.Expr, -1) {
				if !strings.Contains(selector, `=~"$api"`) || !strings.Contains(selector, `stage=~"$stage"`) {
					t.Errorf("%s does not ask of what was chosen: %s", p.Title, selector)
				}
			}
		}
		// A label in the legend is one that is left.
		left := regexp.MustCompile(`by \(([^)]*)\)`).FindStringSubmatch(target.Expr)
		// Stages have routes of the same name.
		if left != nil && (strings.Contains(left[1], "resource") || strings.Contains(left[1], "route")) && !strings.HasPrefix(left[1], "api_name, stage, ") {
			t.Errorf("%s adds up the routes of different stages: %s", p.Title, target.Expr)
		}
		for _, name := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
			if left == nil || !slices.Contains(strings.Split(left[1], ", "), name[1]) {
				t.Errorf("%s: the legend %q is of labels that %s has not", p.Title, target.LegendFormat, target.Expr)
			}
		}
	}
}

// checkVariables expects that Grafana knows each variable that a text has.
func checkVariables(t *testing.T, where, text string, known []string) {
	t.Helper()
	for _, name := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(known, name[1]) {
			t.Errorf("%s: there is no variable %s in %s", where, name[1], text)
		}
	}
}
