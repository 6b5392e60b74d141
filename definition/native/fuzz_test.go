package native_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzParse holds that no document makes the parser panic, that every problem is
// told with a place and a code, and that the result does not depend on chance.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, diags := parse("fuzz", data)
		second, again := parse("fuzz", data)
		if lines(diags) != lines(again) {
			t.Errorf("two readings of one document differ:\n%s\n%s", lines(diags), lines(again))
		}
		for _, d := range diags {
			if d.Code == "" || d.Message == "" || d.Pos.File == "" || d.Pos.Line == 0 || d.Pos.Column == 0 {
				t.Errorf("a diagnostic without place, code or message: %v", d)
			}
		}
		if first == nil {
			if !diags.HasErrors() {
				t.Error("nothing came of the document and nothing was said")
			}
			return
		}
		// Values point into their documents, of which there are two.
		for i := range first.APIs {
			for j := range first.APIs[i].Stages {
				for _, s := range []any{&first.APIs[i].Stages[j], &second.APIs[i].Stages[j]} {
					v := reflect.ValueOf(s).Elem()
					for _, field := range []string{"Definition", "Canary"} {
						v.FieldByName(field).FieldByName("Value").SetZero()
						v.FieldByName(field).FieldByName("BackendValue").SetZero()
					}
				}
			}
		}
		if !reflect.DeepEqual(first, second) {
			t.Error("two readings of one document have different results")
		}
	})
}
