package source_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/management/domain"
	"gatehouse/management/restapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

// accountDocuments are a region with an API that asks for keys, and all that leads to it.
const region = "eu-west-1"

func accountDocuments() map[string]any {
	const api = region + "/restapis/a1b2c3d4e5"
	content := petsContent("http://127.0.0.1:9101")
	get := content.Resources[1].ResourceMethods["GET"]
	get.APIKeyRequired = true
	content.Resources[1].ResourceMethods["GET"] = get
	stage := petsStage("d1")
	stage.CanarySettings = nil
	rate, burst := 0.5, 3
	return map[string]any{
		api: content.API, api + "/contents/d1": content, api + "/stages/prod": stage,
		region + "/apikeys/k1": restapi.APIKey{ID: "k1", Name: "acme", Value: "${HOME}-0123456789-0123456789", Enabled: true},
		region + "/apikeys/k2": restapi.APIKey{ID: "k2", Name: "acme", Value: "value-0123456789-0123456789"},
		region + "/usageplans/p1": restapi.UsagePlan{
			ID: "p1", Name: "gold", Throttle: &restapi.ThrottleSettings{RateLimit: &rate}, Quota: &restapi.QuotaSettings{Limit: 5, Offset: 9, Period: "MONTH"},
			APIStages: []restapi.APIStage{
				{APIID: "a1b2c3d4e5", Stage: "prod", Throttle: map[string]restapi.ThrottleSettings{"/{id}/GET": {RateLimit: &rate, BurstLimit: &burst}, "/gone/GET": {BurstLimit: &burst}}},
				{APIID: "a1b2c3d4e5", Stage: "deleted"}, {APIID: "deleted123", Stage: "prod"},
			},
		},
		region + "/usageplankeys/p1/k1":                         restapi.UsagePlanKey{ID: "k1"},
		region + "/usageplankeys/p1/k2":                         restapi.UsagePlanKey{ID: "k2"},
		region + "/apikeys/k3":                                  restapi.APIKey{ID: "k3", Name: "unplanned", Value: "value-1123456789-0123456789", Enabled: true},
		region + "/usageplankeys/p1/k9":                         restapi.UsagePlanKey{ID: "k9"},
		domain.NameKey(region, "api.example.com"):               domain.Name{Name: "api.example.com", Endpoints: []domain.Endpoint{{Type: domain.Regional}}},
		domain.MappingKey(region, "api.example.com", "shop/v1"): domain.Mapping{Path: "shop/v1", APIID: "a1b2c3d4e5", Stage: "prod"},
		domain.MappingKey(region, "api.example.com", "gone"):    domain.Mapping{Path: "gone", APIID: "deleted123", Stage: "prod"},
		domain.MappingKey(region, "api.example.com", ""):        domain.Mapping{APIID: "a1b2c3d4e5"},
		domain.NameKey(region, "private.example.com"):           domain.Name{Name: "private.example.com", Endpoints: []domain.Endpoint{{Type: domain.Private}}},
	}
}

func TestAccountIsServed(t *testing.T) {
	s := store.NewMemory()
	put(t, s, accountDocuments())
	r := source.NewRenderer()
	got := load(t, render(t, r, s, nil))
	if len(got.APIKeys) != 2 || got.APIKeys[0].Name != "k1" || got.APIKeys[0].Values[0].Reveal() != "${HOME}-0123456789-0123456789" || got.APIKeys[0].Disabled || !got.APIKeys[1].Disabled {
		t.Errorf("the keys are %+v", got.APIKeys)
	}
	if len(got.UsagePlans) != 1 {
		t.Fatalf("the plans are %+v", got.UsagePlans)
	}
	plan := got.UsagePlans[0]
	if plan.Throttle.Rate != 0.5 || plan.Throttle.Burst != 1 || plan.Quota.Limit != 5 || plan.Quota.Offset != 4 || plan.Quota.Period != gateway.QuotaMonth {
		t.Errorf("the limits are %+v, %+v", plan.Throttle, plan.Quota)
	}
	if len(plan.Stages) != 1 || len(plan.Stages[0].Routes) != 1 || plan.Stages[0].Routes[0].RouteKey != "GET /{id}" || plan.Stages[0].Routes[0].Throttle.Burst != 3 {
		t.Errorf("the plan's stages are %+v", plan.Stages)
	}
	if diff := cmp.Diff([]string{"k1", "k2"}, plan.Keys); diff != "" {
		t.Error(diff)
	}
	// A key without a plan lets nobody in, and is no reason to load anything anew.
	before := r.Units()[region]
	put(t, s, map[string]any{region + "/apikeys/k4": restapi.APIKey{ID: "k4", Value: "value-2123456789-0123456789", Enabled: true}})
	render(t, r, s, []string{region + "/apikeys/k4"})
	if r.Units()[region] != before {
		t.Error("a key without a plan changes what is served")
	}
	want := map[string]string{"shop/v1": "a1b2c3d4e5/prod", "prod": "a1b2c3d4e5/prod"}
	if diff := cmp.Diff(want, mappingsOf(got)); diff != "" {
		t.Error(diff)
	}
	// A mapping that has no stage leads to those that come later.
	put(t, s, map[string]any{"eu-west-1/restapis/a1b2c3d4e5/stages/test": restapi.Stage{StageName: "test", DeploymentID: "d1", Variables: map[string]string{"version": "v1"}}})
	want["test"] = "a1b2c3d4e5/test"
	if diff := cmp.Diff(want, mappingsOf(load(t, render(t, r, s, []string{"eu-west-1/restapis/a1b2c3d4e5/stages/test"})))); diff != "" {
		t.Error(diff)
	}
}

func mappingsOf(s *gateway.Snapshot) map[string]string {
	out := map[string]string{}
	for _, d := range s.Domains {
		if d.Name != "api.example.com" {
			out[d.Name] = "is not to be served"
		}
		for _, m := range d.Mappings {
			out[m.Path] = m.API + "/" + m.Stage
		}
	}
	return out
}

// TestSecurityPolicies: the policy of a domain is the least TLS version that clients may have.
func TestSecurityPolicies(t *testing.T) {
	const name = "api.example.com"
	for policy, want := range map[string]string{
		"": "1.2", "TLS_1_0": "1.0", "TLS_1_2": "1.2",
		"SecurityPolicy_TLS13_1_3_2025_09": "1.3", "SecurityPolicy_TLS13_1_3_FIPS_2025_09": "1.3", "SecurityPolicy_TLS13_2025_EDGE": "1.3",
		"SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09": "1.2", "SecurityPolicy_TLS13_1_2_2021_06": "1.2", "SecurityPolicy_TLS12_2018_EDGE": "1.2",
	} {
		s := store.NewMemory()
		put(t, s, accountDocuments())
		put(t, s, map[string]any{domain.NameKey(region, name): domain.Name{Name: name, Endpoints: []domain.Endpoint{{
			Type: domain.Regional, CertificateARN: "arn:aws:acm:eu-west-1:111122223333:certificate/a", SecurityPolicy: policy,
		}}}})
		got := string(render(t, source.NewRenderer(), s, nil).Content["management:eu-west-1/domainnames/api.example.com/domain.json"])
		if !strings.Contains(got, `"minVersion":"`+want+`"`) {
			t.Errorf("%s: %s, want %s", policy, got, want)
		}
	}
}

// TestCreatedDomainsAreNoProblem: what is kept beside a domain, to claim its name, is not
// one.
func TestCreatedDomainsAreNoProblem(t *testing.T) {
	s := store.NewMemory()
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return domain.Create(tx, "eu-west-1", &domain.Name{Name: "api.example.com", Endpoints: []domain.Endpoint{{Type: domain.Regional}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	r := source.NewRenderer()
	if problems := render(t, r, s, nil).Problems; len(problems) > 0 {
		t.Error(problems)
	}
}
