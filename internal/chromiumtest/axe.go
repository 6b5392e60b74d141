package chromiumtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/proctest"
)

// fault is what axe-core finds.
type fault struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// Usable fails the test for faults that keep people from using the page who do not see it,
// or have no mouse. axe-core, which finds them, comes by .ci/browser-tools; without it they
// are not looked for, except in CI.
func (b *Browser) Usable(page string) {
	b.t.Helper()
	axe, err := os.ReadFile(filepath.Join(proctest.Root(b.t), ".tools", "axe.min.js"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.t.Fatal("axe-core was not found: run .ci/browser-tools")
		}
		b.t.Log("NO AXE-CORE FOUND, faults of accessibility were not looked for: run .ci/browser-tools")
		return
	}
	Ask[bool](b, string(axe)+"\n;true")
	answer := Ask[string](b, `axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))`)
	var faults []fault
	if err := json.Unmarshal([]byte(answer), &faults); err != nil {
		b.t.Fatalf("axe-core answers %.200s: %v", answer, err)
	}
	for _, f := range faults {
		for _, n := range f.Nodes {
			b.t.Errorf("%s: %s fault %s: %s\n%s\n%s", page, f.Impact, f.ID, f.Help, n.HTML, strings.TrimSpace(n.FailureSummary))
		}
	}
}
