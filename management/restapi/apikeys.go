package restapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) apiKeyOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetApiKeys", Method: http.MethodGet, Path: "/apikeys", Status: http.StatusOK, Do: s.getAPIKeys},
		{Name: "CreateApiKey", Method: http.MethodPost, Path: "/apikeys", Status: http.StatusCreated, Do: s.createAPIKey},
		{Name: "ImportApiKeys", Method: http.MethodPost, Path: "/apikeys", Query: "mode=import", Status: http.StatusCreated, Do: s.importAPIKeys},
		{Name: "GetApiKey", Method: http.MethodGet, Path: "/apikeys/{api_Key}", Status: http.StatusOK, Do: s.getAPIKey},
		{Name: "UpdateApiKey", Method: http.MethodPatch, Path: "/apikeys/{api_Key}", Status: http.StatusOK, Do: s.updateAPIKey},
		{Name: "DeleteApiKey", Method: http.MethodDelete, Path: "/apikeys/{api_Key}", Status: http.StatusAccepted, Do: s.deleteAPIKey},
	}
}

// APIKeysFolder is where the API keys of a region are.
func APIKeysFolder(region string) string { return region + "/apikeys/" }

// apiKeyValueKey is taken by the value of an API key in all regions, since one gateway
// serves them all. It does not show the value.
func apiKeyValueKey(value string) string {
	sum := sha256.Sum256([]byte(value))
	return "global/apikeyvalues/" + hex.EncodeToString(sum[:])
}

var errNoAPIKey = restjson.NotFound("Invalid API Key identifier specified")

// Bounds of a key's value and name.
const (
	minKeyValue   = 20
	maxKeyValue   = 128
	maxKeyName    = 1024
	generatedSize = 40
)

const keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// newKeyValue makes a value, each of whose characters is as likely as any other.
func newKeyValue() string {
	value := make([]byte, 0, generatedSize)
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // it does not fail
		for _, b := range random {
			if int(b) >= 256-256%len(keyAlphabet) {
				continue
			}
			if value = append(value, keyAlphabet[int(b)%len(keyAlphabet)]); len(value) == generatedSize {
				return string(value)
			}
		}
	}
}

// apiKeyInput is what CreateApiKey is sent.
type apiKeyInput struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Enabled     bool   `json:"enabled"`
	// GenerateDistinctID has no effect: ids always differ from values.
	GenerateDistinctID bool   `json:"generateDistinctId"`
	Value              string `json:"value"`
	StageKeys          []struct {
		RestAPIID string `json:"restApiId"`
		StageName string `json:"stageName"`
	} `json:"stageKeys"`
	CustomerID string            `json:"customerId"`
	Tags       map[string]string `json:"tags"`
}

// checkKey checks what a key is to be called and to be worth.
func checkKey(p *problems, name, value string) {
	if utf8.RuneCountInString(name) > maxKeyName {
		p.add("Invalid API Key name, can be at most %d characters.", maxKeyName)
	}
	switch n := len(value); {
	case n == 0:
	case n < minKeyValue:
		p.add("API Key value should be at least %d characters", minKeyValue)
	case n > maxKeyValue:
		p.add("API Key value exceeds maximum size of %d characters", maxKeyValue)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		p.add("API Key value has characters that a header cannot carry")
	}
}

func (s *Service) createAPIKey(ctx context.Context, c *restjson.Call) (any, error) {
	var in apiKeyInput
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	var p problems
	checkKey(&p, in.Name, in.Value)
	p.tags(in.Tags)
	if err := p.err(); err != nil {
		return nil, err
	}
	now := now()
	return update(ctx, s, func(tx store.Tx) (*APIKey, error) {
		k := &APIKey{
			ID: restjson.NewID(10), Value: cmp.Or(in.Value, newKeyValue()), Name: in.Name, CustomerID: in.CustomerID,
			Description: in.Description, Enabled: in.Enabled, CreatedDate: now, LastUpdatedDate: now, StageKeys: []string{}, Tags: in.Tags,
		}
		for _, at := range in.StageKeys {
			if err := requireStage(tx, c, at.RestAPIID, at.StageName); err != nil {
				return nil, err
			}
			k.StageKeys = append(k.StageKeys, at.RestAPIID+"/"+at.StageName)
		}
		return k, addAPIKey(tx, c.Region, k)
	})
}

var errKeyExists = restjson.Conflict("API Key already exists")

// addAPIKey writes a new key, whose value no other may have.
func addAPIKey(tx store.Tx, region string, k *APIKey) error {
	taken, err := hasRecord(tx, apiKeyValueKey(k.Value))
	if err != nil {
		return err
	}
	if taken {
		return errKeyExists
	}
	key := APIKeysFolder(region) + k.ID
	if err := store.WriteDocument(tx, apiKeyValueKey(k.Value), key); err != nil {
		return err
	}
	return store.WriteDocument(tx, key, k)
}

// requireStage refuses stages of REST APIs that do not exist.
func requireStage(r store.Reader, c *restjson.Call, api, stage string) error {
	if !isSegment(api) || !isSegment(stage) {
		return restjson.NotFound("Invalid stage identifier specified")
	}
	found, err := hasRecord(r, APIKeyOf(c.Region, api))
	if err != nil {
		return err
	}
	if !found {
		return restjson.NotFound("Invalid API identifier specified %s:%s", c.AccountID, api)
	}
	found, err = hasRecord(r, APIKeyOf(c.Region, api)+"/stages/"+stage)
	if err != nil {
		return err
	}
	if !found {
		return restjson.NotFound("Invalid stage identifier specified")
	}
	return nil
}

// isSegment reports whether a text can be one segment of a key of the store: what a
// caller names must lead to no other document.
func isSegment(text string) bool {
	return text != "" && !strings.Contains(text, "/")
}

// readAPIKey reads the key that a call names.
func readAPIKey(r store.Reader, region, id string) (*APIKey, error) {
	if !isSegment(id) {
		return nil, errNoAPIKey
	}
	return readRecord[APIKey](r, APIKeysFolder(region)+id, errNoAPIKey)
}

// apiKeysPage is what GetApiKeys answers.
type apiKeysPage struct {
	page[APIKey]
	Warnings []string `json:"warnings,omitempty"`
}

func (s *Service) getAPIKeys(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*apiKeysPage, error) {
		keys, err := store.ReadDocuments[APIKey](r, APIKeysFolder(c.Region))
		if err != nil {
			return nil, err
		}
		name, customer := c.Query.Get("name"), c.Query.Get("customerId")
		keys = slices.DeleteFunc(keys, func(k APIKey) bool {
			return !strings.HasPrefix(k.Name, name) || customer != "" && k.CustomerID != customer
		})
		slices.SortStableFunc(keys, func(a, b APIKey) int {
			return cmp.Or(b.CreatedDate.Compare(a.CreatedDate.Time), cmp.Compare(a.ID, b.ID))
		})
		p, err := pageOf(c, keys)
		if err != nil {
			return nil, err
		}
		for i := range p.Items {
			shownKey(&p.Items[i], c.Query.Get("includeValues"))
		}
		return &apiKeysPage{page: p}, nil
	})
}

// shownKey leaves out what nobody asked for.
func shownKey(k *APIKey, includeValue string) {
	if includeValue != "true" {
		k.Value = ""
	}
	if k.StageKeys == nil {
		k.StageKeys = []string{}
	}
}

func (s *Service) getAPIKey(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*APIKey, error) {
		k, err := readAPIKey(r, c.Region, c.Params["api_Key"])
		if err == nil {
			shownKey(k, c.Query.Get("includeValue"))
		}
		return k, err
	})
}

func (s *Service) updateAPIKey(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*APIKey, error) {
		k, err := readAPIKey(tx, c.Region, c.Params["api_Key"])
		if err != nil {
			return nil, err
		}
		err = applyPatch(k, operations, pathsListed, []patchRule[APIKey]{
			{"/description", opReplace, patchText(func(k *APIKey) *string { return &k.Description })},
			{"/enabled", opReplace, patchBool(func(k *APIKey) *bool { return &k.Enabled })},
			{"/name", opReplace, patchText(func(k *APIKey) *string { return &k.Name })},
			{"/customerId", opReplace, patchText(func(k *APIKey) *string { return &k.CustomerID })},
			{"/stages", opAddRemove, func(k *APIKey, o patchOperation, _ []string) error { return patchStageKey(tx, c, k, o) }},
		})
		if err != nil {
			return nil, err
		}
		var p problems
		checkKey(&p, k.Name, "")
		if err := p.err(); err != nil {
			return nil, err
		}
		k.LastUpdatedDate = now()
		if err := store.WriteDocument(tx, APIKeysFolder(c.Region)+k.ID, k); err != nil {
			return nil, err
		}
		shown := *k
		shownKey(&shown, "")
		return &shown, nil
	})
}

// patchStageKey adds a stage to those that a key names, or removes one.
func patchStageKey(tx store.Tx, c *restjson.Call, k *APIKey, o patchOperation) error {
	api, stage, _ := strings.Cut(o.text(), "/")
	at := slices.Index(k.StageKeys, o.text())
	if o.Op == "remove" {
		if at < 0 {
			return restjson.NotFound("Invalid stage identifier specified")
		}
		k.StageKeys = slices.Delete(k.StageKeys, at, at+1)
		return nil
	}
	if err := requireStage(tx, c, api, stage); err != nil {
		return err
	}
	if at < 0 {
		k.StageKeys = append(k.StageKeys, o.text())
	}
	return nil
}

func (s *Service) deleteAPIKey(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		k, err := readAPIKey(tx, c.Region, c.Params["api_Key"])
		if err != nil {
			return err
		}
		return removeAPIKey(tx, c.Region, k)
	})
}
