package difference

import (
	"cmp"
	"reflect"

	"gatehouse/gateway"
)

// leftOut gives a part with all that it leaves out, and that has a meaning all the same:
// exports of AWS and the management API's write such things, people do not, and neither
// serves anything else than the other. What is not served is left out.
func (w *walk) leftOut(v reflect.Value) reflect.Value {
	switch part := v.Interface().(type) {
	case gateway.Deployment:
		w.protocol = part.Protocol
		part.APIKeySource = cmp.Or(part.APIKeySource, "HEADER")
		part.ServerPath = "" // The model keeps it for imports.
		return reflect.ValueOf(part)
	case gateway.Integration:
		if part.TimeoutMillis == 0 {
			part.TimeoutMillis = part.DefaultTimeout(w.protocol).Milliseconds()
		}
		return reflect.ValueOf(part)
	}
	return v
}
