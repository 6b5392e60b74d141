package restapi

import (
	"cmp"
	"errors"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// PlanTag is the tag of API keys that are in a usage plan of a file, whose name is its
// value. Keys that are in a plan of the management API are in no other.
const PlanTag = "gatehouse:plan"

// ErrNoUsagePlan is what GrantAPIKey answers for a plan that is not there.
var ErrNoUsagePlan = errors.New("the usage plan does not exist")

// GrantAPIKey makes an API key, as CreateApiKey does, and has a usage plan have it: one of
// the management API by its id, or one of a file by its name.
func GrantAPIKey(tx store.Tx, region string, k APIKey, plan string, filed bool) (*APIKey, error) {
	k.ID, k.Value = restjson.NewID(10), cmp.Or(k.Value, newKeyValue())
	k.Enabled, k.StageKeys = true, []string{}
	k.CreatedDate = now()
	k.LastUpdatedDate = k.CreatedDate
	if filed {
		tags := map[string]string{PlanTag: plan}
		for name, value := range k.Tags {
			tags[name] = value
		}
		k.Tags = tags
	} else {
		has := false
		if isSegment(plan) {
			var err error
			if has, err = hasRecord(tx, UsagePlansFolder(region)+plan); err != nil {
				return nil, err
			}
		}
		if !has {
			return nil, ErrNoUsagePlan
		}
		if err := store.WriteDocument(tx, UsagePlanKeysFolder(region, plan)+k.ID, UsagePlanKey{ID: k.ID, Type: keyType}); err != nil {
			return nil, err
		}
	}
	return &k, addAPIKey(tx, region, &k)
}

// ReadAPIKey reads an API key; one that is not there is store.ErrNotFound.
func ReadAPIKey(r store.Reader, region, id string) (*APIKey, error) {
	if !isSegment(id) {
		return nil, store.ErrNotFound
	}
	return store.ReadDocument[APIKey](r, APIKeysFolder(region)+id)
}

// RevokeAPIKey takes an API key away, and out of its usage plans. One that is not there is
// no error.
func RevokeAPIKey(tx store.Tx, region, id string) error {
	k, err := ReadAPIKey(tx, region, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return removeAPIKey(tx, region, k)
}

func removeAPIKey(tx store.Tx, region string, k *APIKey) error {
	plans, err := tx.Children(UsagePlansFolder(region))
	if err != nil {
		return err
	}
	for _, e := range plans {
		tx.Delete(UsagePlanKeysFolder(region, strings.TrimPrefix(e.Key, UsagePlansFolder(region))) + k.ID)
	}
	tx.Delete(apiKeyValueKey(k.Value))
	tx.Delete(APIKeysFolder(region) + k.ID)
	return nil
}
