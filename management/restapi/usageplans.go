package restapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) usagePlanOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetUsagePlans", Method: http.MethodGet, Path: "/usageplans", Status: http.StatusOK, Do: s.getUsagePlans},
		{Name: "CreateUsagePlan", Method: http.MethodPost, Path: "/usageplans", Status: http.StatusCreated, Do: s.createUsagePlan},
		{Name: "GetUsagePlan", Method: http.MethodGet, Path: "/usageplans/{usageplanId}", Status: http.StatusOK, Do: s.getUsagePlan},
		{Name: "UpdateUsagePlan", Method: http.MethodPatch, Path: "/usageplans/{usageplanId}", Status: http.StatusOK, Do: s.updateUsagePlan},
		{Name: "DeleteUsagePlan", Method: http.MethodDelete, Path: "/usageplans/{usageplanId}", Status: http.StatusAccepted, Do: s.deleteUsagePlan},
	}
}

// UsagePlansFolder is where the usage plans of a region are.
func UsagePlansFolder(region string) string { return region + "/usageplans/" }

var errNoUsagePlan = restjson.NotFound("Invalid Usage Plan ID specified")

func readUsagePlan(r store.Reader, region, id string) (*UsagePlan, error) {
	if !isSegment(id) {
		return nil, errNoUsagePlan
	}
	return readRecord[UsagePlan](r, UsagePlansFolder(region)+id, errNoUsagePlan)
}

// shownPlan is a plan as callers see it, whose list of stages is never missing.
func shownPlan(p *UsagePlan) *usagePlanAnswer {
	stages := p.APIStages
	if stages == nil {
		stages = []APIStage{}
	}
	return &usagePlanAnswer{p, stages}
}

type usagePlanAnswer struct {
	*UsagePlan
	APIStages []APIStage `json:"apiStages"`
}

func (s *Service) createUsagePlan(ctx context.Context, c *restjson.Call) (any, error) {
	var in UsagePlan
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	var p problems
	if in.Name == "" {
		p.add("Usage Plan name must be non-empty")
	}
	p.tags(in.Tags)
	checkPlan(&p, &in)
	if err := p.err(); err != nil {
		return nil, err
	}
	wanted := in.APIStages
	return update(ctx, s, func(tx store.Tx) (*usagePlanAnswer, error) {
		plan := &UsagePlan{ID: restjson.NewID(6), Name: in.Name, Description: in.Description, Throttle: in.Throttle, Quota: in.Quota, Tags: in.Tags}
		for _, at := range wanted {
			if err := addPlanStage(tx, c, plan, at); err != nil {
				return nil, err
			}
		}
		return shownPlan(plan), store.WriteDocument(tx, UsagePlansFolder(c.Region)+plan.ID, plan)
	})
}

// maxQuota is what the gateway can count to.
const maxQuota = 1 << 53

// maxRate is more than anything serves.
const maxRate = 1_000_000_000

// checkPlan checks the limits of a plan.
func checkPlan(p *problems, plan *UsagePlan) {
	checkThrottle(p, "Usage Plan", plan.Throttle)
	for _, at := range plan.APIStages {
		for _, t := range at.Throttle {
			checkThrottle(p, "Usage Plan method", &t)
		}
	}
	q := plan.Quota
	if q == nil {
		return
	}
	p.enum("quota.period", q.Period, "DAY", "WEEK", "MONTH")
	switch {
	case q.Period == "":
		p.add("Usage Plan quota period must be specified")
	case q.Period == "DAY" && q.Offset != 0:
		p.add("Usage Plan quota offset must be zero in the DAY period")
	case q.Period == "WEEK" && (q.Offset < 0 || q.Offset > 6):
		p.add("Usage Plan quota offset must be between zero and six inclusively in the WEEK period")
	case q.Period == "MONTH" && (q.Offset < 0 || q.Offset > 27):
		p.add("Usage Plan quota offset must be between zero and 27 inclusively in the MONTH period")
	}
	if q.Limit < 1 || q.Limit > maxQuota {
		p.add("Usage Plan quota limit must be between 1 and %d", int64(maxQuota))
	}
}

func checkThrottle(p *problems, what string, t *ThrottleSettings) {
	if t == nil {
		return
	}
	if t.RateLimit != nil && (*t.RateLimit < 0 || *t.RateLimit > maxRate) {
		p.add("%s rate limit must be between 0 and %d", what, maxRate)
	}
	if t.BurstLimit != nil && (*t.BurstLimit < 0 || *t.BurstLimit > maxRate) {
		p.add("%s burst limit must be between 0 and %d", what, maxRate)
	}
}

// planStage finds a stage of a plan.
func planStage(plan *UsagePlan, api, stage string) int {
	return slices.IndexFunc(plan.APIStages, func(at APIStage) bool { return at.APIID == api && at.Stage == stage })
}

// addPlanStage adds a stage that exists to a plan.
func addPlanStage(tx store.Tx, c *restjson.Call, plan *UsagePlan, at APIStage) error {
	if !isSegment(at.APIID) || !isSegment(at.Stage) {
		return restjson.BadRequest("Invalid API Stage specified")
	}
	found, err := stageExists(tx, c.Region, at.APIID, at.Stage)
	if err != nil {
		return err
	}
	if !found {
		return restjson.NotFound("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s", at.APIID, at.Stage, plan.ID)
	}
	if planStage(plan, at.APIID, at.Stage) >= 0 {
		return restjson.Conflict("API Stage %s:%s already exists for usageplan %s", at.APIID, at.Stage, plan.ID)
	}
	throttles := map[string]ThrottleSettings{}
	for key, t := range at.Throttle {
		throttles[methodKey(key)] = t
	}
	if at.Throttle = throttles; len(throttles) == 0 {
		at.Throttle = nil
	}
	plan.APIStages = append(plan.APIStages, at)
	// What a key may do at a stage must be said by one plan only.
	keys, err := tx.Children(UsagePlanKeysFolder(c.Region, plan.ID))
	if err != nil {
		return err
	}
	for _, e := range keys {
		if err := requireOnePlan(tx, c.Region, plan, strings.TrimPrefix(e.Key, UsagePlanKeysFolder(c.Region, plan.ID))); err != nil {
			return err
		}
	}
	return nil
}

// stageExists looks for a stage of a REST or WebSocket API.
func stageExists(r store.Reader, region, api, stage string) (bool, error) {
	for _, kind := range []string{"/restapis/", "/apis/"} {
		if found, err := hasRecord(r, region+kind+api+"/stages/"+stage); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// requireOnePlan refuses a key that may call one of the plan's stages by another plan.
func requireOnePlan(r store.Reader, region string, plan *UsagePlan, key string) error {
	plans, err := store.ReadDocuments[UsagePlan](r, UsagePlansFolder(region))
	if err != nil {
		return err
	}
	for i := range plans {
		other := &plans[i]
		if other.ID == plan.ID {
			continue
		}
		shared := slices.IndexFunc(plan.APIStages, func(at APIStage) bool { return planStage(other, at.APIID, at.Stage) >= 0 })
		if shared < 0 {
			continue
		}
		has, err := hasRecord(r, UsagePlanKeysFolder(region, other.ID)+key)
		if err != nil {
			return err
		}
		if has {
			at := plan.APIStages[shared]
			return restjson.Conflict("API Key %s cannot reference multiple usage plans with the same api stage: %s:%s", key, at.APIID, at.Stage)
		}
	}
	return nil
}

// methodKey spells a method of a plan's throttle as it is kept, "/pets/GET".
func methodKey(key string) string { return "/" + strings.TrimLeft(key, "/") }

func (s *Service) getUsagePlan(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*usagePlanAnswer, error) {
		p, err := readUsagePlan(r, c.Region, c.Params["usageplanId"])
		if err != nil {
			return nil, err
		}
		return shownPlan(p), nil
	})
}

func (s *Service) getUsagePlans(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[*usagePlanAnswer], error) {
		none := page[*usagePlanAnswer]{}
		plans, err := store.ReadDocuments[UsagePlan](r, UsagePlansFolder(c.Region))
		if err != nil {
			return none, err
		}
		key := c.Query.Get("keyId")
		if key != "" {
			if _, err := readAPIKey(r, c.Region, key); err != nil {
				return none, err
			}
		}
		shown := []*usagePlanAnswer{}
		for i := range plans {
			if key != "" {
				has, err := hasRecord(r, UsagePlanKeysFolder(c.Region, plans[i].ID)+key)
				if err != nil {
					return none, err
				}
				if !has {
					continue
				}
			}
			shown = append(shown, shownPlan(&plans[i]))
		}
		return pageOf(c, shown)
	})
}

func (s *Service) updateUsagePlan(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*usagePlanAnswer, error) {
		plan, err := readUsagePlan(tx, c.Region, c.Params["usageplanId"])
		if err != nil {
			return nil, err
		}
		for i := range operations {
			if err := patchPlan(tx, c, plan, operations[i]); err != nil {
				return nil, err
			}
		}
		var p problems
		if plan.Name == "" {
			p.add("Usage Plan name must be non-empty")
		}
		checkPlan(&p, plan)
		if err := p.err(); err != nil {
			return nil, err
		}
		return shownPlan(plan), store.WriteDocument(tx, UsagePlansFolder(c.Region)+plan.ID, plan)
	})
}

// patchPlan makes one change of a plan.
func patchPlan(tx store.Tx, c *restjson.Call, plan *UsagePlan, o patchOperation) error {
	if rest, ok := strings.CutPrefix(o.path(), "/apiStages/"); ok {
		return patchPlanMethod(plan, o, rest)
	}
	return applyPatch(plan, []patchOperation{o}, pathsListed, []patchRule[UsagePlan]{
		{"/name", opReplace, patchText(func(p *UsagePlan) *string { return &p.Name })},
		{"/description", opReplace, patchText(func(p *UsagePlan) *string { return &p.Description })},
		{"/productCode", opAddRemoveReplace, patchText(func(p *UsagePlan) *string { return &p.ProductCode })},
		{"/quota", "remove", func(p *UsagePlan, _ patchOperation, _ []string) error { p.Quota = nil; return nil }},
		{"/quota/limit", "add replace", func(p *UsagePlan, o patchOperation, _ []string) error {
			return patchQuota(p, o, func(q *QuotaSettings) *int { return &q.Limit })
		}},
		{"/quota/offset", "add replace", func(p *UsagePlan, o patchOperation, _ []string) error {
			return patchQuota(p, o, func(q *QuotaSettings) *int { return &q.Offset })
		}},
		{"/quota/period", "add replace", patchText(func(p *UsagePlan) *string { return &quotaOf(p).Period })},
		{"/throttle", "remove", func(p *UsagePlan, _ patchOperation, _ []string) error { p.Throttle = nil; return nil }},
		{"/throttle/rateLimit", "add replace", func(p *UsagePlan, o patchOperation, _ []string) error { return setRate(throttleOf(p), o) }},
		{"/throttle/burstLimit", "add replace", func(p *UsagePlan, o patchOperation, _ []string) error { return setBurst(throttleOf(p), o) }},
		{"/apiStages", opAddRemove, func(p *UsagePlan, o patchOperation, _ []string) error { return patchPlanStages(tx, c, p, o) }},
	})
}

// throttleOf and quotaOf give what is patched, which may not be there yet.
func throttleOf(plan *UsagePlan) *ThrottleSettings {
	if plan.Throttle == nil {
		plan.Throttle = &ThrottleSettings{}
	}
	return plan.Throttle
}

func quotaOf(plan *UsagePlan) *QuotaSettings {
	if plan.Quota == nil {
		plan.Quota = &QuotaSettings{}
	}
	return plan.Quota
}

func patchQuota(plan *UsagePlan, o patchOperation, field func(*QuotaSettings) *int) error {
	n, err := whole(o)
	if err == nil {
		*field(quotaOf(plan)) = n
	}
	return err
}

func setRate(t *ThrottleSettings, o patchOperation) error {
	rate, err := number(o)
	if err == nil {
		t.RateLimit = &rate
	}
	return err
}

func setBurst(t *ThrottleSettings, o patchOperation) error {
	burst, err := whole(o)
	if err == nil {
		t.BurstLimit = &burst
	}
	return err
}

// patchPlanStages adds a stage, or takes one away with its throttles.
func patchPlanStages(tx store.Tx, c *restjson.Call, plan *UsagePlan, o patchOperation) error {
	api, stage, ok := strings.Cut(o.text(), ":")
	if !ok {
		return restjson.BadRequest("Invalid API Stage specified")
	}
	if o.Op == "add" {
		return addPlanStage(tx, c, plan, APIStage{APIID: api, Stage: stage})
	}
	at := planStage(plan, api, stage)
	if at < 0 {
		return restjson.NotFound("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s", api, stage, plan.ID)
	}
	plan.APIStages = slices.Delete(plan.APIStages, at, at+1)
	return nil
}

// patchPlanMethod changes the throttle of a method: the rest of the path is as in
// "a1b2c3d4e5:prod/throttle/~1pets/GET/rateLimit".
func patchPlanMethod(plan *UsagePlan, o patchOperation, rest string) error {
	invalid := restjson.BadRequest("Invalid patch path  '%s' specified for op '%s'. Must be one of: [/apiStages/{apiId:stage}/throttle/{path}/{method}, "+
		"/apiStages/{apiId:stage}/throttle/{path}/{method}/rateLimit, /apiStages/{apiId:stage}/throttle/{path}/{method}/burstLimit]", o.path(), o.Op)
	segments := strings.Split(rest, "/")
	for i := range segments {
		segments[i] = unescapePointer(segments[i])
	}
	if len(segments) < 2 || segments[1] != "throttle" || o.Op != "add" && o.Op != "replace" && o.Op != "remove" {
		return invalid
	}
	api, stage, _ := strings.Cut(segments[0], ":")
	index := planStage(plan, api, stage)
	if index < 0 {
		return restjson.NotFound("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s", api, stage, plan.ID)
	}
	at := &plan.APIStages[index]
	segments = segments[2:]
	if len(segments) == 0 {
		if o.Op != "remove" {
			return invalid
		}
		at.Throttle = nil
		return nil
	}
	setting := segments[len(segments)-1]
	isSetting := setting == "rateLimit" || setting == "burstLimit"
	if isSetting {
		segments = segments[:len(segments)-1]
	}
	key := methodKey(strings.Join(segments, "/"))
	if method := key[strings.LastIndex(key, "/")+1:]; !slices.Contains(throttledMethods, method) {
		return invalid
	}
	t, found := at.Throttle[key]
	switch {
	case o.Op == "remove" && !found:
		return restjson.NotFound("Invalid throttle setting specified")
	case o.Op == "remove" && setting == "rateLimit":
		t.RateLimit = nil
	case o.Op == "remove" && setting == "burstLimit":
		t.BurstLimit = nil
	case o.Op == "remove":
		t = ThrottleSettings{}
	case setting == "rateLimit":
		if err := setRate(&t, o); err != nil {
			return err
		}
	case setting == "burstLimit":
		if err := setBurst(&t, o); err != nil {
			return err
		}
	default:
		// The value is both settings, as JSON in a text.
		if err := json.Unmarshal([]byte(cmp.Or(o.text(), "{}")), &t); err != nil {
			return restjson.BadRequest("Invalid patch value specified for path '%s': it must be JSON such as {\"rateLimit\":10,\"burstLimit\":20}", o.path())
		}
	}
	if t.RateLimit == nil && t.BurstLimit == nil {
		delete(at.Throttle, key)
		return nil
	}
	if at.Throttle == nil {
		at.Throttle = map[string]ThrottleSettings{}
	}
	at.Throttle[key] = t
	return nil
}

var throttledMethods = []string{"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"}

func (s *Service) deleteUsagePlan(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		plan, err := readUsagePlan(tx, c.Region, c.Params["usageplanId"])
		if err != nil {
			return err
		}
		// A stage that is gone holds nothing back.
		for _, at := range plan.APIStages {
			found, err := stageExists(tx, c.Region, at.APIID, at.Stage)
			if err != nil {
				return err
			}
			if found {
				return restjson.BadRequest("Cannot delete Usage Plan %s because there are API Stages associated with it, including %s:%s", plan.ID, at.APIID, at.Stage)
			}
		}
		tx.Delete(UsagePlansFolder(c.Region) + plan.ID)
		tx.DeleteAll(UsagePlanKeysFolder(c.Region, plan.ID))
		return nil
	})
}
