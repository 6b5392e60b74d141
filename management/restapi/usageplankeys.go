package restapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) usagePlanKeyOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetUsagePlanKeys", Method: http.MethodGet, Path: "/usageplans/{usageplanId}/keys", Status: http.StatusOK, Do: s.getUsagePlanKeys},
		{Name: "CreateUsagePlanKey", Method: http.MethodPost, Path: "/usageplans/{usageplanId}/keys", Status: http.StatusCreated, Do: s.createUsagePlanKey},
		{Name: "GetUsagePlanKey", Method: http.MethodGet, Path: "/usageplans/{usageplanId}/keys/{keyId}", Status: http.StatusOK, Do: s.getUsagePlanKey},
		{Name: "DeleteUsagePlanKey", Method: http.MethodDelete, Path: "/usageplans/{usageplanId}/keys/{keyId}", Status: http.StatusAccepted, Do: s.deleteUsagePlanKey},
	}
}

// UsagePlanKeysFolder is where the keys of a usage plan are, each by the id of its API
// key.
func UsagePlanKeysFolder(region, plan string) string { return region + "/usageplankeys/" + plan + "/" }

// keyType is the only type of keys that plans have.
const keyType = "API_KEY"

func (s *Service) createUsagePlanKey(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		KeyID   string `json:"keyId"`
		KeyType string `json:"keyType"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	var p problems
	p.require("keyId", in.KeyID)
	p.require("keyType", in.KeyType)
	p.enum("keyType", in.KeyType, keyType)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*UsagePlanKey, error) { return addPlanKey(tx, c, c.Params["usageplanId"], in.KeyID) })
}

// addPlanKey lets a key call what a plan gives access to.
func addPlanKey(tx store.Tx, c *restjson.Call, planID, keyID string) (*UsagePlanKey, error) {
	plan, err := readUsagePlan(tx, c.Region, planID)
	if err != nil {
		return nil, err
	}
	k, err := readAPIKey(tx, c.Region, keyID)
	if err != nil {
		return nil, err
	}
	at := UsagePlanKeysFolder(c.Region, plan.ID) + k.ID
	has, err := hasRecord(tx, at)
	if err != nil {
		return nil, err
	}
	if has {
		return nil, restjson.Conflict("Usage Plan %s already has the API Key %s", plan.ID, k.ID)
	}
	if err := requireOnePlan(tx, c.Region, plan, k.ID); err != nil {
		return nil, err
	}
	// Its name and its value are those of the key.
	return shownPlanKey(k), store.WriteDocument(tx, at, UsagePlanKey{ID: k.ID, Type: keyType})
}

func shownPlanKey(k *APIKey) *UsagePlanKey {
	return &UsagePlanKey{ID: k.ID, Type: keyType, Value: k.Value, Name: k.Name}
}

// readPlanKey reads the key of a plan that a call names.
func readPlanKey(r store.Reader, c *restjson.Call) (*APIKey, error) {
	plan, err := readUsagePlan(r, c.Region, c.Params["usageplanId"])
	if err != nil {
		return nil, err
	}
	k, err := readAPIKey(r, c.Region, c.Params["keyId"])
	if err != nil {
		return nil, err
	}
	has, err := hasRecord(r, UsagePlanKeysFolder(c.Region, plan.ID)+k.ID)
	if err == nil && !has {
		err = errNoAPIKey
	}
	return k, err
}

func (s *Service) getUsagePlanKey(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*UsagePlanKey, error) {
		k, err := readPlanKey(r, c)
		if err != nil {
			return nil, err
		}
		return shownPlanKey(k), nil
	})
}

// planKeys reads the API keys of a plan, sorted by id.
func planKeys(r store.Reader, region, plan string) ([]*APIKey, error) {
	folder := UsagePlanKeysFolder(region, plan)
	entries, err := r.Children(folder)
	if err != nil {
		return nil, err
	}
	var keys []*APIKey
	for _, e := range entries {
		k, err := readAPIKey(r, region, strings.TrimPrefix(e.Key, folder))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func (s *Service) getUsagePlanKeys(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[*UsagePlanKey], error) {
		plan, err := readUsagePlan(r, c.Region, c.Params["usageplanId"])
		if err != nil {
			return page[*UsagePlanKey]{}, err
		}
		keys, err := planKeys(r, c.Region, plan.ID)
		if err != nil {
			return page[*UsagePlanKey]{}, err
		}
		name := c.Query.Get("name")
		keys = slices.DeleteFunc(keys, func(k *APIKey) bool { return !strings.HasPrefix(k.Name, name) })
		shown := make([]*UsagePlanKey, 0, len(keys))
		for _, k := range keys {
			shown = append(shown, shownPlanKey(k))
		}
		return pageOf(c, shown)
	})
}

func (s *Service) deleteUsagePlanKey(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		k, err := readPlanKey(tx, c)
		if err != nil {
			return err
		}
		tx.Delete(UsagePlanKeysFolder(c.Region, c.Params["usageplanId"]) + k.ID)
		return nil
	})
}
