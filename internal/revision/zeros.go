package revision

import (
	"errors"
	"reflect"
	"slices"
)

// gob leaves out a pointer to zero as it does a nil pointer, but in the model the
// two differ: a MaxRequestBytes of 0 lifts the limit that nil leaves in place. So
// the store keeps, beside the snapshot, which of the pointers that come back as
// nil were pointers to zero.

// zeroPointers tells for every scalar pointer that gob would leave out, in the
// order of a walk, whether it points to zero.
func zeroPointers(v any) []bool {
	var zeros []bool
	walkScalarPointers(reflect.ValueOf(v), func(p reflect.Value) {
		if p.IsNil() || p.Elem().IsZero() {
			zeros = append(zeros, !p.IsNil())
		}
	})
	return zeros
}

// restoreZeroPointers undoes what gob did to the value that zeros was made of.
func restoreZeroPointers(v any, zeros []bool) error {
	walkScalarPointers(reflect.ValueOf(v), func(p reflect.Value) {
		if !p.IsNil() || len(zeros) == 0 {
			return
		}
		if zeros[0] {
			p.Set(reflect.New(p.Type().Elem()))
		}
		zeros = zeros[1:]
	})
	if len(zeros) > 0 {
		return errors.New("it was written for another model: written by another version of gatehouse")
	}
	return nil
}

// walkScalarPointers visits pointers to numbers, strings and booleans, in the
// same order for equal values. Map values are not visited: the model has none
// that hold pointers.
func walkScalarPointers(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !slices.Contains([]reflect.Kind{reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer}, v.Type().Elem().Kind()) {
			visit(v)
		} else if !v.IsNil() {
			walkScalarPointers(v.Elem(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walkScalarPointers(v.Field(i), visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkScalarPointers(v.Index(i), visit)
		}
	}
}
