package descriptorfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/definition/source"
)

// write writes files below a folder, with their names and texts in turn.
func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	// As Kubernetes mounts a config map: links to a hidden folder, which is swapped.
	write(t, dir, "limits/..1/a.yaml", "domain: a\n", "limits/b.YML", "domain: b\n", "limits/.hidden.yaml", "domain: x\n",
		"limits/README.md", "x", "limits/below.yaml/c.yaml", "domain: c\n", "one.txt", "domain: one\n")
	for link, to := range map[string]string{"..data": "..1", "a.yaml": "..data/a.yaml"} {
		if err := os.Symlink(to, filepath.Join(dir, "limits", link)); err != nil {
			t.Fatal(err)
		}
	}
	short := func(names []string) (out []string) {
		for _, name := range names {
			out = append(out, strings.TrimPrefix(name, dir+"/"))
		}
		return out
	}
	files, watch, ds := Read([]string{dir + "/limits/", dir + "/one.txt", dir + "/limits/a.yaml"})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.Name+" "+strings.TrimSpace(string(f.Data)))
	}
	if diff := cmp.Diff([]string{"limits/a.yaml domain: a", "limits/b.YML domain: b", "one.txt domain: one"}, short(got)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"limits", "limits/a.yaml", "limits/b.YML", "one.txt"}, short(watch)); diff != "" {
		t.Errorf("watched (-want +got):\n%s", diff)
	}
}

func TestReadProblems(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "empty/README.md", "x", "big.yaml", "")
	if err := os.Truncate(filepath.Join(dir, "big.yaml"), source.MaxBytes+1); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		paths []string
		want  []string
	}{
		"missing":         {[]string{dir + "/a.yaml", dir + "/b"}, []string{"unreadable-file", "unreadable-file"}},
		"empty folder":    {[]string{dir + "/empty"}, []string{"no-descriptor-files"}},
		"nothing":         {nil, []string{"no-descriptor-files"}},
		"endless":         {[]string{"/dev/zero"}, []string{"unreadable-file"}},
		"too large":       {[]string{dir + "/big.yaml"}, []string{"file-too-large"}},
		"a folder's name": {[]string{dir + "/empty/README.md/x"}, []string{"unreadable-file"}},
	} {
		files, watch, ds := Read(c.paths)
		var got []string
		for _, d := range ds {
			got = append(got, d.Code)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || len(files) > 0 {
			t.Errorf("%s (-want +got):\n%s%v", name, diff, files)
		}
		// What is missing is waited for.
		if len(watch) != len(c.paths) {
			t.Errorf("%s: %v are watched", name, watch)
		}
	}
}
