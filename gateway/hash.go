package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"strings"
)

// ContentHash is a hash over everything a value means: all exported fields, map
// entries in key order, secrets by their real value, but never a Position: moving
// a line is not a change. A *Deployment counts by its own Hash, computed once.
func ContentHash(v any) string {
	h := sha256.New()
	hashValue(h, reflect.ValueOf(v))
	return hex.EncodeToString(h.Sum(nil)[:12])
}

var (
	positionType   = reflect.TypeFor[Position]()
	deploymentType = reflect.TypeFor[*Deployment]()
)

func hashValue(h hash.Hash, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		hashLen(h, v.Len())
		h.Write([]byte(v.String()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		hashUint(h, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		hashUint(h, v.Uint())
	case reflect.Float64, reflect.Float32:
		fmt.Fprintf(h, "%g;", v.Float())
	case reflect.Bool:
		if v.Bool() {
			h.Write([]byte{1})
		} else {
			h.Write([]byte{0})
		}
	case reflect.Slice, reflect.Array:
		hashLen(h, v.Len())
		for i := range v.Len() {
			hashValue(h, v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		hashLen(h, len(keys))
		for _, k := range keys {
			hashValue(h, k)
			hashValue(h, v.MapIndex(k))
		}
	case reflect.Pointer:
		if v.IsNil() {
			h.Write([]byte{0})
			return
		}
		h.Write([]byte{1})
		if v.Type() == deploymentType && v.Interface().(*Deployment).hash != "" {
			h.Write([]byte(v.Interface().(*Deployment).hash))
			return
		}
		hashValue(h, v.Elem())
	case reflect.Struct:
		if v.Type() == positionType {
			return
		}
		t := v.Type()
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				hashValue(h, v.Field(i))
			}
		}
	case reflect.Interface:
		if !v.IsNil() {
			hashValue(h, v.Elem())
		}
	default:
		// A model field of another kind is a programming error that the first test hits.
		panic("gateway: cannot hash a " + v.Kind().String())
	}
}

func hashLen(h hash.Hash, n int) { hashUint(h, uint64(n)) }

func hashUint(h hash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}
