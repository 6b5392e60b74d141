package exampletest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/proctest"
)

// TestPromisesAreTested holds docs/security.md to the tests that it names: in each row
// of its tables a folder, then names of tests in it, then perhaps another folder.
func TestPromisesAreTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(proctest.Root(t), "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile("`([a-z0-9/]+)`|(Test[A-Za-z0-9]+)")
	named := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| Promise") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 2 {
			t.Errorf("not a promise and its tests: %s", line)
			continue
		}
		if strings.HasPrefix(cells[1], "fuzz targets") {
			continue
		}
		folder, inRow := "", 0
		for _, m := range word.FindAllStringSubmatch(cells[1], -1) {
			if m[1] != "" {
				folder = m[1]
				continue
			}
			inRow++
			if !hasTest(t, folder, m[2]) {
				t.Errorf("docs/security.md: there is no %s in %s", m[2], folder)
			}
		}
		if inRow == 0 {
			t.Errorf("no test is named for the promise: %s", cells[0])
		}
		named += inRow
	}
	if named < 50 {
		t.Errorf("only %d tests were found on the page", named)
	}
}

// hasTest reports whether a folder's test files have the test.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(proctest.Root(t), folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
