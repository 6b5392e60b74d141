package restapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/restapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// countedUsage is what a test says that was used.
type countedUsage struct {
	days      map[string][][2]int64
	remaining map[string]int64
	// late is how often a quota is not in force yet, and of the one that was set of.
	late int
	of   restapi.QuotaSettings
}

func (u *countedUsage) Daily(_ context.Context, plan, key string, _, _ time.Time) (map[string][][2]int64, bool, error) {
	days := maps.Clone(u.days)
	if key != "" {
		maps.DeleteFunc(days, func(k string, _ [][2]int64) bool { return k != key })
	}
	return days, true, nil
}

func (u *countedUsage) SetRemaining(_ context.Context, plan, key string, quota restapi.QuotaSettings, remaining int64) (bool, error) {
	if u.late > 0 {
		u.late--
		return false, nil
	}
	u.of = quota
	u.remaining[plan+"/"+key] = remaining
	return true, nil
}

// newAccount is a management API with an API that has the stages prod and test.
func newAccount(t *testing.T, usage restapi.Usage) *api {
	t.Helper()
	s := store.NewMemory()
	service := restapi.NewService(restapi.Options{Store: s, Log: slog.New(slog.DiscardHandler), Usage: usage})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		tx.Put("eu-west-1/restapis/a1b2c3d4e5", []byte(`{"id":"a1b2c3d4e5"}`))
		tx.Put("eu-west-1/restapis/a1b2c3d4e5/stages/prod", []byte(`{"stageName":"prod"}`))
		tx.Put("eu-west-1/restapis/a1b2c3d4e5/stages/test", []byte(`{"stageName":"test"}`))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &api{t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		region := r.Header.Get("Region")
		if region == "" {
			region = "eu-west-1"
		}
		service.ServeHTTP(w, r.WithContext(restjson.WithCaller(r.Context(), restjson.Caller{Region: region, AccountID: "000000000000"})))
	})}
}

// answer calls an operation, wants a status and gives the answer.
func answer[T any](a *api, method, target, body string, want int) T {
	a.t.Helper()
	return decode[T](a.t, a.call(method, target, body, want))
}

type refusal struct {
	method, target, body string
	status               int
	errorType, message   string
}

// refuse wants calls to be refused in exact words, and to leave the store as it was.
func (a *api) refuse(cases map[string]refusal) {
	a.t.Helper()
	before := a.documents()
	for name, c := range cases {
		a.t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, strings.NewReader(c.body))
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			var told struct{ Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if w.Code != c.status || w.Header().Get("X-Amzn-Errortype") != c.errorType || told.Message != c.message {
				t.Errorf("got  %d %s %q\nwant %d %s %q", w.Code, w.Header().Get("X-Amzn-Errortype"), told.Message, c.status, c.errorType, c.message)
			}
			if diff := cmp.Diff(before, a.documents()); diff != "" {
				t.Errorf("the store has changed: %s", diff)
			}
		})
	}
}

// patch is the body of an update.
func patch(operations ...string) string {
	return `{"patchOperations":[` + strings.Join(operations, ",") + `]}`
}

func op(name, path string, value ...string) string {
	o := map[string]string{"op": name, "path": path}
	if len(value) > 0 {
		o["value"] = value[0]
	}
	text, _ := json.Marshal(o)
	return string(text)
}

func TestAPIKeys(t *testing.T) {
	a := newAccount(t, nil)
	type keys struct {
		Item     []restapi.APIKey
		Position string
	}
	first := answer[restapi.APIKey](a, "POST", "/apikeys", `{"name":"acme","customerId":"c1","description":"d","stageKeys":[{"restApiId":"a1b2c3d4e5","stageName":"prod"}],"tags":{"team":"x"}}`, 201)
	if len(first.ID) != 10 || len(first.Value) != 40 || first.Enabled || first.CreatedDate.IsZero() || len(first.StageKeys) != 1 || first.StageKeys[0] != "a1b2c3d4e5/prod" || first.Tags["team"] != "x" {
		t.Errorf("created %+v", first)
	}
	const value = "my-own-value-0123456789"
	second := answer[restapi.APIKey](a, "POST", "/apikeys", `{"name":"acme2","enabled":true,"value":"`+value+`"}`, 201)
	if second.Value != value || !second.Enabled {
		t.Errorf("created %+v", second)
	}
	// Created in the same second, they are in the order of their ids; later ones are first.
	all := answer[keys](a, "GET", "/apikeys", "", 200)
	if len(all.Item) != 2 || all.Item[0].Value != "" {
		t.Errorf("listed %+v", all)
	}
	shown := answer[keys](a, "GET", "/apikeys?includeValues=true&name=acme2", "", 200)
	if len(shown.Item) != 1 || shown.Item[0].Value != value {
		t.Errorf("listed %+v", shown)
	}
	for target, want := range map[string]int{"/apikeys?name=Acme": 0, "/apikeys?name=ac": 2, "/apikeys?customerId=c1": 1, "/apikeys?customerId=c": 0} {
		if got := answer[keys](a, "GET", target, "", 200); len(got.Item) != want || got.Item == nil {
			t.Errorf("%s has %d keys, want %d", target, len(got.Item), want)
		}
	}
	page := answer[keys](a, "GET", "/apikeys?limit=1", "", 200)
	rest := answer[keys](a, "GET", "/apikeys?limit=1&position="+page.Position, "", 200)
	if len(page.Item) != 1 || page.Position == "" || len(rest.Item) != 1 || rest.Position != "" || rest.Item[0].ID == page.Item[0].ID {
		t.Errorf("pages are %+v, %+v", page, rest)
	}
	if got := answer[restapi.APIKey](a, "GET", "/apikeys/"+second.ID, "", 200); got.Value != "" || got.Name != "acme2" {
		t.Errorf("got %+v", got)
	}
	if got := answer[restapi.APIKey](a, "GET", "/apikeys/"+second.ID+"?includeValue=true", "", 200); got.Value != value {
		t.Errorf("got %+v", got)
	}
	patched := answer[restapi.APIKey](a, "PATCH", "/apikeys/"+second.ID, patch(op("replace", "/name", "bolt"), op("replace", "/description", "new"),
		op("replace", "/enabled", "nonsense"), op("replace", "/customerId", "c2"), op("add", "/stages", "a1b2c3d4e5/test")), 200)
	if patched.Name != "bolt" || patched.Description != "new" || patched.Enabled || patched.CustomerID != "c2" || len(patched.StageKeys) != 1 || patched.Value != "" {
		t.Errorf("patched to %+v", patched)
	}
	a.refuse(map[string]refusal{
		"short":      {"POST", "/apikeys", `{"value":"short"}`, 400, "BadRequestException", "API Key value should be at least 20 characters"},
		"long":       {"POST", "/apikeys", `{"value":"` + strings.Repeat("x", 129) + `"}`, 400, "BadRequestException", "API Key value exceeds maximum size of 128 characters"},
		"long name":  {"POST", "/apikeys", `{"name":"` + strings.Repeat("x", 1025) + `"}`, 400, "BadRequestException", "Invalid API Key name, can be at most 1024 characters."},
		"taken":      {"POST", "/apikeys", `{"value":"` + value + `"}`, 409, "ConflictException", "API Key already exists"},
		"no API":     {"POST", "/apikeys", `{"stageKeys":[{"restApiId":"nosuchapi1","stageName":"prod"}]}`, 404, "NotFoundException", "Invalid API identifier specified 000000000000:nosuchapi1"},
		"no stage":   {"POST", "/apikeys", `{"stageKeys":[{"restApiId":"a1b2c3d4e5","stageName":"beta"}]}`, 404, "NotFoundException", "Invalid stage identifier specified"},
		"no key":     {"GET", "/apikeys/nosuchkey0", "", 404, "NotFoundException", "Invalid API Key identifier specified"},
		"other's":    {"GET", "/apikeys/..%2F..%2Fus-east-1", "", 404, "NotFoundException", "Invalid API Key identifier specified"},
		"other path": {"PATCH", "/apikeys/" + first.ID, patch(op("replace", "/value", "x")), 400, "BadRequestException", "Invalid patch path  '/value' specified for op 'replace'. Must be one of: [/customerId, /description, /enabled, /name, /stages]"},
		"other op":   {"PATCH", "/apikeys/" + first.ID, patch(op("add", "/name", "x")), 400, "BadRequestException", "Invalid patch path  '/name' specified for op 'add'. Please choose supported operations"},
		"half":       {"PATCH", "/apikeys/" + first.ID, patch(op("replace", "/name", "x"), op("remove", "/stages", "x/y")), 404, "NotFoundException", "Invalid stage identifier specified"},
	})
	// The value is taken in other regions, too, until its key is deleted.
	elsewhere := func(want int) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/apikeys", strings.NewReader(`{"value":"`+value+`"}`))
		r.Header.Set("Region", "us-east-1")
		w := httptest.NewRecorder()
		if a.ServeHTTP(w, r); w.Code != want {
			t.Errorf("in another region: %d %s", w.Code, w.Body)
		}
	}
	elsewhere(409)
	plan := answer[restapi.UsagePlan](a, "POST", "/usageplans", `{"name":"gold"}`, 201)
	a.call("POST", "/usageplans/"+plan.ID+"/keys", `{"keyId":"`+second.ID+`","keyType":"API_KEY"}`, 201)
	if w := a.call("DELETE", "/apikeys/"+second.ID, "", 202); w.Body.Len() != 0 {
		t.Errorf("deleting answers %s", w.Body)
	}
	for key := range a.documents() {
		if strings.Contains(key, second.ID) {
			t.Errorf("%s is left of a deleted key", key)
		}
	}
	elsewhere(201)
}

func TestNewestKeysFirst(t *testing.T) {
	a := newAccount(t, nil)
	err := a.store.Update(t.Context(), func(tx store.Tx) error {
		for i, id := range []string{"b", "c", "a"} {
			tx.Put("eu-west-1/apikeys/"+id, fmt.Appendf(nil, `{"id":%q,"createdDate":%d}`, id, 1700000000+i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range answer[struct{ Item []restapi.APIKey }](a, "GET", "/apikeys", "", 200).Item {
		ids = append(ids, k.ID)
	}
	if diff := cmp.Diff([]string{"a", "c", "b"}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestImportAPIKeys(t *testing.T) {
	type imported struct{ IDs, Warnings []string }
	a := newAccount(t, nil)
	plan := answer[restapi.UsagePlan](a, "POST", "/usageplans", `{"name":"gold"}`, 201)
	file := "Name,key,description,Enabled,usageplanIds\n" +
		"acme,acme-value-0123456789,\"a, b\",TRUE,\"" + plan.ID + "\"\n" +
		"bolt,bolt-value-0123456789,,false,\n"
	got := answer[imported](a, "POST", "/apikeys?mode=import&format=csv&failonwarnings=true", file, 201)
	if len(got.IDs) != 2 || len(got.Warnings) != 0 {
		t.Fatalf("imported %+v", got)
	}
	first := answer[restapi.APIKey](a, "GET", "/apikeys/"+got.IDs[0]+"?includeValue=true", "", 200)
	if first.Name != "acme" || first.Value != "acme-value-0123456789" || first.Description != "a, b" || !first.Enabled {
		t.Errorf("imported %+v", first)
	}
	a.call("GET", "/usageplans/"+plan.ID+"/keys/"+got.IDs[0], "", 200)
	if second := answer[restapi.APIKey](a, "GET", "/apikeys/"+got.IDs[1], "", 200); second.Enabled {
		t.Errorf("imported %+v", second)
	}
	// What cannot be imported is warned of, the rest is imported.
	mixed := "name,key,color,usageplanIds\nacme,acme-value-0123456789,red,\nshort,x,,\nnew,new-value-0123456789,,nosuch\n"
	more := answer[imported](a, "POST", "/apikeys?mode=import&format=csv", mixed, 201)
	want := []string{
		"Line 1: the column 'color' is not known", "Line 3: API Key value should be at least 20 characters",
		"Line 2: API Key already exists: acme", "Line 4: nosuch: Invalid Usage Plan ID specified",
	}
	if diff := cmp.Diff(want, more.Warnings); diff != "" || len(more.IDs) != 1 {
		t.Error(diff, more.IDs)
	}
	a.refuse(map[string]refusal{
		"warnings":  {"POST", "/apikeys?mode=import&format=csv&failonwarnings=true", "name,key\nx,short\n", 400, "BadRequestException", "Warnings found during import:\n\tLine 2: API Key value should be at least 20 characters"},
		"duplicate": {"POST", "/apikeys?mode=import&format=csv&failonwarnings=true", "name,key\nnewer,newer-value-0123456789\nacme,acme-value-0123456789\n", 409, "ConflictException", "API Key already exists"},
		"format":    {"POST", "/apikeys?mode=import&format=xml", "name,key\n", 400, "BadRequestException", "1 validation error detected: Value 'xml' at 'format' failed to satisfy constraint: Member must satisfy enum value set: [csv]"},
		"columns":   {"POST", "/apikeys?mode=import&format=csv", "name,value\n", 400, "BadRequestException", "Failed to parse the file of API keys: the column 'key' is missing"},
		"empty":     {"POST", "/apikeys?mode=import&format=csv", "", 400, "BadRequestException", "Failed to parse the file of API keys: its first line must name the columns, such as name,key,description,enabled,usageplanIds"},
	})
}

func TestUsagePlans(t *testing.T) {
	a := newAccount(t, nil)
	created := answer[map[string]any](a, "POST", "/usageplans", `{"name":"gold","description":"d","quota":{"limit":100,"period":"WEEK","offset":2},"throttle":{"rateLimit":0.5,"burstLimit":3},
		"apiStages":[{"apiId":"a1b2c3d4e5","stage":"prod","throttle":{"/pets/GET":{"rateLimit":1,"burstLimit":2}}}],"tags":{"a":"b"}}`, 201)
	id, _ := created["id"].(string)
	delete(created, "id")
	want := map[string]any{
		"name": "gold", "description": "d", "quota": map[string]any{"limit": 100.0, "period": "WEEK", "offset": 2.0}, "throttle": map[string]any{"rateLimit": 0.5, "burstLimit": 3.0},
		"apiStages": []any{map[string]any{"apiId": "a1b2c3d4e5", "stage": "prod", "throttle": map[string]any{"/pets/GET": map[string]any{"rateLimit": 1.0, "burstLimit": 2.0}}}},
		"tags":      map[string]any{"a": "b"},
	}
	if diff := cmp.Diff(want, created); diff != "" || len(id) != 6 {
		t.Errorf("%s: %s", id, diff)
	}
	target := "/usageplans/" + id
	patched := answer[restapi.UsagePlan](a, "PATCH", target, patch(
		op("replace", "/name", "silver"), op("add", "/productCode", "p1"), op("replace", "/quota/limit", "7"), op("add", "/quota/offset", "0"), op("replace", "/quota/period", "DAY"),
		op("replace", "/throttle/rateLimit", "2.5"), op("add", "/apiStages", "a1b2c3d4e5:test"),
		// Terraform writes a method as one segment, others as two.
		op("replace", "/apiStages/a1b2c3d4e5:test/throttle/~1pets~1GET/rateLimit", "10"), op("replace", "/apiStages/a1b2c3d4e5:test/throttle/~1pets/GET/burstLimit", "20"),
		op("remove", "/apiStages/a1b2c3d4e5:prod/throttle/~1pets/GET"),
		op("add", "/apiStages/a1b2c3d4e5:prod/throttle/~1pets~1{id}/PUT", `{"rateLimit":3,"burstLimit":4}`)), 200)
	rate, rate3, burst, burst4 := 10.0, 3.0, 20, 4
	stages := []restapi.APIStage{
		{APIID: "a1b2c3d4e5", Stage: "prod", Throttle: map[string]restapi.ThrottleSettings{"/pets/{id}/PUT": {RateLimit: &rate3, BurstLimit: &burst4}}},
		{APIID: "a1b2c3d4e5", Stage: "test", Throttle: map[string]restapi.ThrottleSettings{"/pets/GET": {RateLimit: &rate, BurstLimit: &burst}}},
	}
	if diff := cmp.Diff(stages, patched.APIStages); diff != "" || patched.Name != "silver" || patched.ProductCode != "p1" || *patched.Quota != (restapi.QuotaSettings{Limit: 7, Period: "DAY"}) || *patched.Throttle.RateLimit != 2.5 {
		t.Errorf("%+v %s", patched, diff)
	}
	patched = answer[restapi.UsagePlan](a, "PATCH", target, patch(op("remove", "/apiStages", "a1b2c3d4e5:prod"), op("remove", "/quota"), op("remove", "/throttle"), op("remove", "/productCode")), 200)
	if len(patched.APIStages) != 1 || patched.Quota != nil || patched.Throttle != nil || patched.ProductCode != "" {
		t.Errorf("patched to %+v", patched)
	}
	missing := "Invalid API Stage {api: a1b2c3d4e5, stage: beta} specified for usageplan " + id
	a.refuse(map[string]refusal{
		"no name":        {"POST", "/usageplans", `{}`, 400, "BadRequestException", "Usage Plan name must be non-empty"},
		"day offset":     {"POST", "/usageplans", `{"name":"x","quota":{"limit":5,"period":"DAY","offset":1}}`, 400, "BadRequestException", "Usage Plan quota offset must be zero in the DAY period"},
		"week offset":    {"POST", "/usageplans", `{"name":"x","quota":{"limit":5,"period":"WEEK","offset":7}}`, 400, "BadRequestException", "Usage Plan quota offset must be between zero and six inclusively in the WEEK period"},
		"month offset":   {"POST", "/usageplans", `{"name":"x","quota":{"limit":5,"period":"MONTH","offset":28}}`, 400, "BadRequestException", "Usage Plan quota offset must be between zero and 27 inclusively in the MONTH period"},
		"period":         {"POST", "/usageplans", `{"name":"x","quota":{"limit":5,"period":"YEAR"}}`, 400, "BadRequestException", "1 validation error detected: Value 'YEAR' at 'quota.period' failed to satisfy constraint: Member must satisfy enum value set: [DAY, WEEK, MONTH]"},
		"limit as text":  {"POST", "/usageplans", `{"name":"x","quota":{"limit":"5"}}`, 400, "SerializationException", "quota.limit: string is not expected here"},
		"no stage":       {"PATCH", target, patch(op("add", "/apiStages", "a1b2c3d4e5:beta")), 404, "NotFoundException", missing},
		"remove stage":   {"PATCH", target, patch(op("remove", "/apiStages", "a1b2c3d4e5:beta")), 404, "NotFoundException", missing},
		"throttle stage": {"PATCH", target, patch(op("add", "/apiStages/a1b2c3d4e5:beta/throttle/~1/GET/rateLimit", "1")), 404, "NotFoundException", missing},
		"bad stage":      {"PATCH", target, patch(op("add", "/apiStages", "a1b2c3d4e5")), 400, "BadRequestException", "Invalid API Stage specified"},
		"half a quota":   {"PATCH", target, patch(op("replace", "/quota/limit", "5")), 400, "BadRequestException", "Usage Plan quota period must be specified"},
		"number":         {"PATCH", target, `{"patchOperations":[{"op":"replace","path":"/quota/limit","value":5}]}`, 400, "SerializationException", "patchOperations.value: number is not expected here"},
		"no plan":        {"GET", "/usageplans/nosuch", "", 404, "NotFoundException", "Invalid Usage Plan ID specified"},
		"has stages":     {"DELETE", target, "", 400, "BadRequestException", "Cannot delete Usage Plan " + id + " because there are API Stages associated with it, including a1b2c3d4e5:test"},
	})
	a.call("PATCH", target, patch(op("remove", "/apiStages", "a1b2c3d4e5:test")), 200)
	a.call("DELETE", target, "", 202)
	a.call("GET", target, "", 404)
}

func TestUsagePlanKeys(t *testing.T) {
	a := newAccount(t, nil)
	key := answer[restapi.APIKey](a, "POST", "/apikeys", `{"name":"acme"}`, 201)
	other := answer[restapi.APIKey](a, "POST", "/apikeys", `{"name":"bolt"}`, 201)
	const stages = `"apiStages":[{"apiId":"a1b2c3d4e5","stage":"prod"}]`
	gold := answer[restapi.UsagePlan](a, "POST", "/usageplans", `{"name":"gold",`+stages+`}`, 201)
	silver := answer[restapi.UsagePlan](a, "POST", "/usageplans", `{"name":"silver",`+stages+`}`, 201)
	free := answer[restapi.UsagePlan](a, "POST", "/usageplans", `{"name":"free"}`, 201)
	keyOf := func(k restapi.APIKey) string { return `{"keyId":"` + k.ID + `","keyType":"API_KEY"}` }
	added := answer[restapi.UsagePlanKey](a, "POST", "/usageplans/"+gold.ID+"/keys", keyOf(key), 201)
	if added != (restapi.UsagePlanKey{ID: key.ID, Type: "API_KEY", Value: key.Value, Name: "acme"}) {
		t.Errorf("added %+v", added)
	}
	a.call("POST", "/usageplans/"+gold.ID+"/keys", keyOf(other), 201)
	a.call("POST", "/usageplans/"+free.ID+"/keys", keyOf(key), 201)
	type list struct{ Item []restapi.UsagePlanKey }
	if got := answer[list](a, "GET", "/usageplans/"+gold.ID+"/keys", "", 200); len(got.Item) != 2 {
		t.Errorf("listed %+v", got)
	}
	if got := answer[list](a, "GET", "/usageplans/"+gold.ID+"/keys?name=bo", "", 200); len(got.Item) != 1 || got.Item[0].ID != other.ID {
		t.Errorf("listed %+v", got)
	}
	plans := answer[struct{ Item []restapi.UsagePlan }](a, "GET", "/usageplans?keyId="+other.ID, "", 200)
	if len(plans.Item) != 1 || plans.Item[0].ID != gold.ID {
		t.Errorf("listed %+v", plans)
	}
	conflict := "API Key " + key.ID + " cannot reference multiple usage plans with the same api stage: a1b2c3d4e5:prod"
	a.refuse(map[string]refusal{
		"type":            {"POST", "/usageplans/" + gold.ID + "/keys", `{"keyId":"x","keyType":"OTHER"}`, 400, "BadRequestException", "1 validation error detected: Value 'OTHER' at 'keyType' failed to satisfy constraint: Member must satisfy enum value set: [API_KEY]"},
		"nothing":         {"POST", "/usageplans/" + gold.ID + "/keys", `{}`, 400, "BadRequestException", "2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null; Value null at 'keyType' failed to satisfy constraint: Member must not be null"},
		"no key":          {"POST", "/usageplans/" + gold.ID + "/keys", `{"keyId":"x","keyType":"API_KEY"}`, 404, "NotFoundException", "Invalid API Key identifier specified"},
		"no plan":         {"POST", "/usageplans/nosuch/keys", keyOf(key), 404, "NotFoundException", "Invalid Usage Plan ID specified"},
		"other plan":      {"POST", "/usageplans/" + silver.ID + "/keys", keyOf(key), 409, "ConflictException", conflict},
		"stage of others": {"PATCH", "/usageplans/" + free.ID, patch(op("add", "/apiStages", "a1b2c3d4e5:prod")), 409, "ConflictException", conflict},
		"not in plan":     {"GET", "/usageplans/" + silver.ID + "/keys/" + key.ID, "", 404, "NotFoundException", "Invalid API Key identifier specified"},
	})
	a.call("DELETE", "/usageplans/"+gold.ID+"/keys/"+key.ID, "", 202)
	a.call("POST", "/usageplans/"+silver.ID+"/keys", keyOf(key), 201)
}

func TestUsage(t *testing.T) {
	usage := &countedUsage{days: map[string][][2]int64{}, remaining: map[string]int64{}}
	a := newAccount(t, usage)
	key := answer[restapi.APIKey](a, "POST", "/apikeys", `{"name":"acme"}`, 201)
	unused := answer[restapi.APIKey](a, "POST", "/apikeys", `{"name":"bolt"}`, 201)
	plan := answer[restapi.UsagePlan](a, "POST", "/usageplans", `{"name":"gold","quota":{"limit":10,"period":"MONTH","offset":3}}`, 201)
	for _, id := range []string{key.ID, unused.ID} {
		a.call("POST", "/usageplans/"+plan.ID+"/keys", `{"keyId":"`+id+`","keyType":"API_KEY"}`, 201)
	}
	usage.days[key.ID] = [][2]int64{{2, 8}, {3, 5}}
	usage.days["k-of-another-region"] = [][2]int64{{9, 9}, {9, 9}}
	target := "/usageplans/" + plan.ID + "/usage?startDate=2024-01-01&endDate=2024-01-02"
	got := answer[map[string]any](a, "GET", target, "", 200)
	want := map[string]any{
		"usagePlanId": plan.ID, "startDate": "2024-01-01", "endDate": "2024-01-02",
		"values": map[string]any{key.ID: []any{[]any{2.0, 8.0}, []any{3.0, 5.0}}, unused.ID: []any{[]any{0.0, 7.0}, []any{0.0, 7.0}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if one := answer[struct{ Values map[string]any }](a, "GET", target+"&keyId="+key.ID, "", 200); len(one.Values) != 1 {
		t.Errorf("got %+v", one)
	}
	type paged struct {
		Values   map[string]any
		Position string
	}
	page := answer[paged](a, "GET", target+"&limit=1", "", 200)
	if len(page.Values) != 1 || page.Position == "" {
		t.Errorf("got %+v", page)
	}
	if rest := answer[paged](a, "GET", target+"&limit=1&position="+page.Position, "", 200); len(rest.Values) != 1 || rest.Position != "" {
		t.Errorf("got %+v", rest)
	}
	// It is the quota of the plan that is extended, as soon as that one is in force.
	usage.late = 2
	extended := answer[struct{ Values map[string][][2]int64 }](a, "PATCH", "/usageplans/"+plan.ID+"/keys/"+unused.ID+"/usage", patch(op("replace", "/remaining", "50")), 200)
	if usage.late != 0 || usage.of != *plan.Quota || usage.remaining[plan.ID+"/"+unused.ID] != 50 || extended.Values[unused.ID][0][1] != 50 {
		t.Errorf("extended to %v, told %+v", usage.remaining, extended)
	}
	a.refuse(map[string]refusal{
		"no days":   {"GET", "/usageplans/" + plan.ID + "/usage", "", 400, "BadRequestException", "2 validation errors detected: Value null at 'startDate' failed to satisfy constraint: Member must not be null; Value null at 'endDate' failed to satisfy constraint: Member must not be null"},
		"no date":   {"GET", "/usageplans/" + plan.ID + "/usage?startDate=1&endDate=2024-01-01", "", 400, "BadRequestException", "Invalid date specified for startDate: '1'. Dates are written as yyyy-MM-dd"},
		"backwards": {"GET", "/usageplans/" + plan.ID + "/usage?startDate=2024-01-02&endDate=2024-01-01", "", 400, "BadRequestException", "Usage start date cannot be after the end date"},
		"other key": {"GET", target + "&keyId=nosuch", "", 404, "NotFoundException", "Invalid API Key identifier specified"},
		"negative":  {"PATCH", "/usageplans/" + plan.ID + "/keys/" + key.ID + "/usage", patch(op("replace", "/remaining", "-1")), 400, "BadRequestException", "Invalid patch value '-1' specified for path '/remaining': it must be a number from 0 to 1099511627776"},
		"path":      {"PATCH", "/usageplans/" + plan.ID + "/keys/" + key.ID + "/usage", patch(op("replace", "/used", "1")), 400, "BadRequestException", "Invalid patch path  '/used' specified for op 'replace'. Must be one of: [/remaining]"},
	})
	if uncounted := newAccount(t, nil); true {
		plan := answer[restapi.UsagePlan](uncounted, "POST", "/usageplans", `{"name":"gold"}`, 201)
		uncounted.call("GET", "/usageplans/"+plan.ID+"/usage?startDate=2024-01-01&endDate=2024-01-02", "", 503)
	}
}

func TestAccount(t *testing.T) {
	a := newAccount(t, nil)
	want := map[string]any{"features": []any{"UsagePlans"}, "apiKeyVersion": "4"}
	if diff := cmp.Diff(want, answer[map[string]any](a, "GET", "/account", "", 200)); diff != "" {
		t.Error(diff)
	}
	const role = "arn:aws:iam::123456789012:role/logs"
	want["cloudwatchRoleArn"] = role
	answer[map[string]any](a, "PATCH", "/account", patch(op("replace", "/cloudwatchRoleArn", role), op("add", "/features", "UsagePlans")), 200)
	if diff := cmp.Diff(want, answer[map[string]any](a, "GET", "/account", "", 200)); diff != "" {
		t.Error(diff)
	}
	a.refuse(map[string]refusal{
		"role":     {"PATCH", "/account", patch(op("replace", "/cloudwatchRoleArn", "x")), 400, "BadRequestException", "Invalid ARN specified in the request. The value provided for parameter 'cloudwatchRoleArn' is not the ARN of an IAM role"},
		"features": {"PATCH", "/account", patch(op("remove", "/features", "UsagePlans")), 400, "BadRequestException", "Usage Plans cannot be disabled once enabled"},
		"path":     {"PATCH", "/account", patch(op("replace", "/throttleSettings", "x")), 400, "BadRequestException", "Invalid patch path  '/throttleSettings' specified for op 'replace'. Must be one of: [/cloudwatchRoleArn, /features]"},
	})
}

// setStage writes the stage prod.
func setStage(t *testing.T, a *api, document string) {
	t.Helper()
	err := a.store.Update(t.Context(), func(tx store.Tx) error {
		tx.Put("eu-west-1/restapis/a1b2c3d4e5/stages/prod", []byte(document))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
