package difference_test

import (
	"reflect"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/difference"
)

// isPlace tells types that say where something is written.
func isPlace(t reflect.Type) bool {
	return t == reflect.TypeFor[gateway.Position]() || t == reflect.TypeFor[gateway.TextSource]()
}

// fill gives all parts of a value one element, and each field a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("a key").Convert(v.Type().Key()), element)
	case reflect.String:
		v.SetString(strings.Repeat("a long text ", 20))
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.Set(reflect.ValueOf(3).Convert(v.Type()))
	}
}

// eachField changes one field after the other, and calls told with its name.
func eachField(v reflect.Value, name string, told func(name string)) {
	changed := func(name string, to reflect.Value) {
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		v.Set(to)
		told(name)
		v.Set(before)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !isPlace(f.Type) {
				eachField(v.Field(i), name+"."+f.Name, told)
			}
		}
	case reflect.Pointer:
		changed(name+" gone", reflect.Zero(v.Type()))
		eachField(v.Elem(), name, told)
	case reflect.Slice:
		changed(name+" gone", reflect.Zero(v.Type()))
		eachField(v.Index(0), name+"[]", told)
	case reflect.Map:
		if !isPlace(v.Type().Elem()) {
			changed(name+" gone", reflect.Zero(v.Type()))
		}
	case reflect.String:
		changed(name, reflect.ValueOf(v.String()+"that ends otherwise").Convert(v.Type()))
	case reflect.Bool:
		changed(name, reflect.Zero(v.Type()))
	default:
		changed(name, reflect.ValueOf(4).Convert(v.Type()))
	}
}

// TestEveryFieldIsTold changes each field of the model: it makes another revision, and what
// has changed is to be seen.
func TestEveryFieldIsTold(t *testing.T) {
	before, after := &gateway.Snapshot{}, &gateway.Snapshot{}
	fill(reflect.ValueOf(before).Elem())
	fill(reflect.ValueOf(after).Elem())
	if changes := difference.Between(before, after); len(changes) > 0 {
		t.Fatal(changes)
	}
	fields, revision := 0, gateway.ContentHash(*before)
	eachField(reflect.ValueOf(after).Elem(), "", func(name string) {
		fields++
		if strings.HasSuffix(name, ".ServerPath") { // It is for imports, and serves nothing else.
			return
		}
		if revision == gateway.ContentHash(*after) {
			t.Errorf("%s: the revision is the same", name)
		}
		changes := difference.Between(before, after)
		if len(changes) == 0 {
			t.Errorf("%s: no change is told", name)
		}
		for _, c := range changes {
			if c.From == c.To && c.From != "" && !strings.Contains(c.From, "a secret") {
				t.Errorf("%s: what has changed is not shown: %s", name, c)
			}
		}
	})
	if fields < 500 {
		t.Errorf("only %d fields", fields)
	}
}
