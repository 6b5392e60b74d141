package restapi

import (
	"context"
	"strings"

	"gatehouse/management/restjson"
)

// withoutSlashes refuses calls with a slash in a variable of the path, which only its
// escaped form can have. Keys of documents are made of variables: a slash would lead to
// a document below another. Those that are no part of a key, or are escaped there, may have
// slashes.
func withoutSlashes(o restjson.Operation) restjson.Operation {
	do := o.Do
	if do == nil {
		return o
	}
	o.Do = func(ctx context.Context, c *restjson.Call) (any, error) {
		if strings.Contains(c.Params["restapi_id"], "/") {
			return nil, unknownAPI(c)
		}
		for name, value := range c.Params {
			lower := strings.ToLower(name)
			if strings.Contains(value, "/") && !strings.Contains(lower, "arn") && lower != "base_path" {
				return nil, restjson.NotFound("Invalid %s specified", name)
			}
		}
		return do(ctx, c)
	}
	return o
}
