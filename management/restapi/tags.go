package restapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) tagOperations() []restjson.Operation {
	const path = "/tags/{resource_arn+}"
	return []restjson.Operation{
		{Name: "GetTags", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getTags},
		{Name: "TagResource", Method: http.MethodPut, Path: path, Status: http.StatusNoContent, Do: s.tagResource},
		{Name: "UntagResource", Method: http.MethodDelete, Path: path, Status: http.StatusNoContent, Do: s.untagResource},
	}
}

// taggable are the ARNs of what can have tags.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html
var taggable = regexp.MustCompile(`^arn:[a-z0-9-]+:apigateway:([a-z0-9-]+)::/((restapis|apikeys|usageplans|domainnames|clientcertificates|vpclinks)/[^/]+|restapis/[^/]+/stages/[^/]+)$`)

// tagged reads the document that an ARN names, with its key. Documents of all kinds have
// their tags in the same place.
func tagged(r store.Reader, c *restjson.Call) (key string, doc map[string]json.RawMessage, tags map[string]string, err error) {
	arn := c.Params["resource_arn"]
	form := taggable.FindStringSubmatch(arn)
	if form == nil || form[1] != c.Region {
		return "", nil, nil, restjson.BadRequest("Invalid resource ARN: %s", arn)
	}
	key = c.Region + "/" + form[2]
	data, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil, nil, restjson.NotFound("Invalid Resource identifier specified: %s", arn)
	}
	if err != nil {
		return "", nil, nil, err
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return "", nil, nil, err
	}
	if text := doc["tags"]; text != nil {
		err = json.Unmarshal(text, &tags)
	}
	return key, doc, orEmpty(tags), err
}

func (s *Service) getTags(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (any, error) {
		_, _, tags, err := tagged(r, c)
		return struct {
			Tags map[string]string `json:"tags"`
		}{tags}, err
	})
}

// changeTags changes the tags of the document that a call is about.
func (s *Service) changeTags(ctx context.Context, c *restjson.Call, change func(map[string]string)) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, doc, tags, err := tagged(tx, c)
		if err != nil {
			return err
		}
		change(tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		delete(doc, "tags")
		if len(tags) > 0 {
			if doc["tags"], err = json.Marshal(tags); err != nil {
				return err
			}
		}
		return store.WriteDocument(tx, key, doc)
	})
}

func (s *Service) tagResource(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		Tags map[string]string `json:"tags"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, c *restjson.Call) (any, error) {
	names := c.Query["tagKeys"]
	if len(names) == 0 {
		return nil, restjson.BadRequest("tagKeys must be specified")
	}
	return s.changeTags(ctx, c, func(tags map[string]string) {
		for _, name := range names {
			// Some callers send them all in one.
			for _, one := range strings.Split(name, ",") {
				delete(tags, one)
			}
		}
	})
}
