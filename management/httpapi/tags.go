package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) tagOperations() []restjson.Operation {
	const path = "/v2/tags/{resource-arn+}"
	return []restjson.Operation{
		{Name: "GetTags", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getTags},
		{Name: "TagResource", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.tagResource},
		{Name: "UntagResource", Method: http.MethodDelete, Path: path, Status: http.StatusNoContent, Do: s.untagResource},
	}
}

// tagged are the tags of a document, which keep what else is in it.
type tagged struct {
	key      string
	document map[string]json.RawMessage
	tags     map[string]string
}

// taggedKey gives the key of the document that an ARN names, such as
// arn:aws:apigateway:eu-west-1::/apis/a1b2c3d4e5/stages/prod.
func taggedKey(c *restjson.Call) (string, error) {
	arn := c.Params["resource-arn"]
	invalid := restjson.BadRequest("Invalid ARN specified in the request: %s", shorten(arn))
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "apigateway" || parts[3] != c.Region || parts[4] != "" && parts[4] != c.AccountID {
		return "", invalid
	}
	path := strings.Split(strings.TrimPrefix(parts[5], "/"), "/")
	for _, segment := range path {
		if segment == "" {
			return "", invalid
		}
	}
	switch {
	case len(path) == 2 && slices.Contains([]string{"apis", "vpclinks", "domainnames", "portals", "portalproducts"}, path[0]),
		len(path) == 4 && path[0] == "apis" && path[2] == "stages":
		return c.Region + "/" + strings.Join(path, "/"), nil
	}
	return "", invalid
}

func readTagged(r store.Reader, c *restjson.Call) (*tagged, error) {
	key, err := taggedKey(c)
	if err != nil {
		return nil, err
	}
	data, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Resource", "Invalid resource specified: %s", shorten(c.Params["resource-arn"]))
	}
	if err != nil {
		return nil, err
	}
	t := &tagged{key: key, tags: map[string]string{}}
	if err := json.Unmarshal(data, &t.document); err != nil {
		return nil, fmt.Errorf("the document %s cannot be read: %w", key, err)
	}
	if tags, ok := t.document["tags"]; ok {
		if err := json.Unmarshal(tags, &t.tags); err != nil {
			return nil, fmt.Errorf("the tags of the document %s cannot be read: %w", key, err)
		}
	}
	return t, nil
}

func (t *tagged) write(tx store.Tx) error {
	tags, err := json.Marshal(t.tags)
	if err != nil {
		return err
	}
	t.document["tags"] = tags
	return store.WriteDocument(tx, t.key, t.document)
}

func (s *Service) getTags(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (map[string]any, error) {
		t, err := readTagged(r, c)
		if err != nil {
			return nil, err
		}
		return map[string]any{"tags": t.tags}, nil
	})
}

func (s *Service) tagResource(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "tags")
	if err != nil {
		return nil, err
	}
	var asked struct {
		Tags map[string]string `json:"tags"`
	}
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (map[string]any, error) {
		t, err := readTagged(tx, c)
		if err != nil {
			return nil, err
		}
		if t.tags == nil {
			t.tags = map[string]string{}
		}
		maps.Copy(t.tags, asked.Tags)
		var p problems
		p.tags(t.tags)
		if err := p.err(); err != nil {
			return nil, err
		}
		return map[string]any{}, t.write(tx)
	})
}

func (s *Service) untagResource(ctx context.Context, c *restjson.Call) (any, error) {
	keys := c.Query["tagKeys"]
	if len(keys) == 0 {
		var p problems
		p.constraint("null", "tagKeys", "Member must not be null")
		return nil, p.err()
	}
	return remove(ctx, s, func(tx store.Tx) error {
		t, err := readTagged(tx, c)
		if err != nil {
			return err
		}
		for _, key := range keys {
			delete(t.tags, key)
		}
		return t.write(tx)
	})
}
