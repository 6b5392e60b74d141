package restapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gatehouse/management/restjson"
)

// withoutSlashes refuses calls about an API with a slash in a variable of the path, which
// only its escaped form can have. Keys of documents are made of variables: a slash would
// lead to a document below another.
func withoutSlashes(o restjson.Operation) restjson.Operation {
	do := o.Do
	if do == nil || !strings.HasPrefix(o.Path, "/restapis/") {
		return o
	}
	o.Do = func(ctx context.Context, c *restjson.Call) (any, error) {
		if strings.Contains(c.Params["restapi_id"], "/") {
			return nil, unknownAPI(c)
		}
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			if strings.Contains(c.Params[name], "/") {
				return nil, restjson.NotFound("Invalid %s specified", name)
			}
		}
		return do(ctx, c)
	}
	return o
}
