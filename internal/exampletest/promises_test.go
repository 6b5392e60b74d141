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
		inRow := testsNamed(t, "docs/security.md", cells[1])
		if inRow == 0 {
			t.Errorf("no test is named for the promise: %s", cells[0])
		}
		named += inRow
	}
	if named < 50 {
		t.Errorf("only %d tests were found on the page", named)
	}
}

// TestRulesAreTested does the same for the table of Amazon's rules in docs/authorization.md.
func TestRulesAreTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(proctest.Root(t), "docs", "authorization.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && strings.Contains(line, "` Test") {
			named += testsNamed(t, "docs/authorization.md", line[strings.LastIndex(line, " | `"):])
		}
	}
	if named < 30 {
		t.Errorf("only %d tests were found on the page", named)
	}
}

var folderOrTest = regexp.MustCompile("`([a-z0-9/]+)`|(Test[A-Za-z0-9]+)")

// testsNamed counts the tests that a cell names, and reports those that there are not.
func testsNamed(t *testing.T, page, cell string) (count int) {
	t.Helper()
	folder := ""
	for _, m := range folderOrTest.FindAllStringSubmatch(cell, -1) {
		if m[1] != "" {
			folder = m[1]
			continue
		}
		count++
		if !hasTest(t, folder, m[2]) {
			t.Errorf("%s: there is no %s in %s", page, m[2], folder)
		}
	}
	return count
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
