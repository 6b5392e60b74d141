package source

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gatehouse/management/domain"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// What Gatehouse's own files say of what APIs share.
type (
	nativeAccount struct {
		APIKeys    []nativeAPIKey    `json:"apiKeys,omitempty"`
		UsagePlans []nativeUsagePlan `json:"usagePlans,omitempty"`
		Domains    []nativeDomain    `json:"domains,omitempty"`
	}
	nativeAPIKey struct {
		Name    string `json:"name"`
		Value   string `json:"value"`
		Enabled bool   `json:"enabled"`
	}
	nativeUsagePlan struct {
		Name     string            `json:"name"`
		Throttle *nativeThrottle   `json:"throttle,omitempty"`
		Quota    *nativeQuota      `json:"quota,omitempty"`
		Stages   []nativePlanStage `json:"stages,omitempty"`
		Keys     []string          `json:"keys,omitempty"`
	}
	nativeQuota struct {
		Limit  int    `json:"limit"`
		Period string `json:"period"`
		Offset int    `json:"offset,omitempty"`
	}
	nativePlanStage struct {
		Stage  string                 `json:"stage"`
		Routes map[string]nativeRoute `json:"routes,omitempty"`
	}
	nativeDomain struct {
		Name     string          `json:"name"`
		Mappings []nativeMapping `json:"mappings"`
	}
	nativeMapping struct {
		Path  string `json:"path"`
		Stage string `json:"stage"`
	}
)

// account renders what the APIs of a region share: usage plans, API keys, domains. What
// they are called in definitions is their ids: names need not be unique here, and usage
// is asked for by ids. What plans and domains refer to need not be there any more; the
// loader leaves that out.
func account(reader store.Reader, region string) (Files, error) {
	files := newFiles()
	var plans nativeAccount
	keys, err := list[restapi.APIKey](reader, restapi.APIKeysFolder(region))
	if err != nil {
		return Files{}, err
	}
	for _, k := range keys {
		plans.APIKeys = append(plans.APIKeys, nativeAPIKey{k.ID, k.Value, k.Enabled})
	}
	stored, err := list[restapi.UsagePlan](reader, restapi.UsagePlansFolder(region))
	if err != nil {
		return Files{}, err
	}
	for i := range stored {
		plan, err := usagePlan(reader, region, &stored[i])
		if err != nil {
			return Files{}, err
		}
		plans.UsagePlans = append(plans.UsagePlans, plan)
	}
	if len(plans.APIKeys)+len(plans.UsagePlans) > 0 {
		if err := files.addAccount(region+"/usageplans.json", plans); err != nil {
			return Files{}, err
		}
	}
	names, err := list[domain.Name](reader, domain.NamesFolder(region))
	if err != nil {
		return Files{}, err
	}
	for i := range names {
		rendered, err := files.domainName(reader, region, &names[i])
		if err != nil {
			return Files{}, err
		}
		if rendered == nil {
			continue
		}
		if err := files.addAccount(domain.NameKey(region, names[i].Name)+".json", nativeAccount{Domains: []nativeDomain{*rendered}}); err != nil {
			return Files{}, err
		}
	}
	return files.sorted(), nil
}

// addAccount adds a file that a loader is given.
func (f *Files) addAccount(name string, content nativeAccount) error {
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.Paths = append(f.Paths, Prefix+name)
	f.Content[Prefix+name] = data
	return nil
}

func usagePlan(reader store.Reader, region string, p *restapi.UsagePlan) (nativeUsagePlan, error) {
	out := nativeUsagePlan{Name: p.ID, Throttle: planThrottle(p.Throttle)}
	if q := p.Quota; q != nil {
		// A definition's first period has something left.
		out.Quota = &nativeQuota{Limit: q.Limit, Period: q.Period, Offset: min(q.Offset, q.Limit-1)}
	}
	for _, at := range p.APIStages {
		stage := nativePlanStage{Stage: at.APIID + "/" + at.Stage, Routes: map[string]nativeRoute{}}
		for _, key := range slices.Sorted(maps.Keys(at.Throttle)) {
			limits := at.Throttle[key]
			if t := planThrottle(&limits); t != nil {
				stage.Routes[planRoute(key)] = nativeRoute{Throttle: t}
			}
		}
		out.Stages = append(out.Stages, stage)
	}
	folder := restapi.UsagePlanKeysFolder(region, p.ID)
	entries, err := reader.Children(folder)
	for _, e := range entries {
		out.Keys = append(out.Keys, strings.TrimPrefix(e.Key, folder))
	}
	return out, err
}

// planThrottle gives a plan's throttle, which may set only one of two.
func planThrottle(t *restapi.ThrottleSettings) *nativeThrottle {
	if t == nil || t.RateLimit == nil && t.BurstLimit == nil {
		return nil
	}
	if t.BurstLimit == nil {
		return &nativeThrottle{Rate: *t.RateLimit, Burst: int(math.Ceil(*t.RateLimit))}
	}
	return throttle(t.RateLimit, t.BurstLimit)
}

// planRoute gives the key of the route that "/pets/{id}/GET" means.
func planRoute(key string) string {
	at := strings.LastIndex(key, "/")
	path := key[:max(at, 0)]
	return key[at+1:] + " /" + strings.TrimPrefix(path, "/")
}

// domainName renders a domain, or nothing where it is not served.
func (f *Files) domainName(reader store.Reader, region string, n *domain.Name) (*nativeDomain, error) {
	if n.RoutingMode == domain.ByRule || n.Endpoint(domain.Private) != nil {
		return nil, nil
	}
	mappings, err := list[domain.Mapping](reader, domain.MappingsFolder(region, n.Name))
	if err != nil {
		return nil, err
	}
	out := &nativeDomain{Name: n.Name, Mappings: []nativeMapping{}}
	taken := map[string]bool{}
	for _, m := range mappings {
		if m.Stage != "" {
			taken[m.Path] = true
			out.Mappings = append(out.Mappings, nativeMapping{m.Path, m.APIID + "/" + m.Stage})
		}
	}
	for _, m := range mappings {
		if m.Stage != "" {
			continue
		}
		// The stage is the next segment of the path. A mapping of that path goes first.
		api := restapi.APIKeyOf(region, m.APIID)
		f.follows = append(f.follows, api)
		stages, err := list[restapi.Stage](reader, api+"/stages/")
		if err != nil {
			return nil, err
		}
		for _, s := range stages {
			if path := strings.TrimPrefix(m.Path+"/"+s.StageName, "/"); !taken[path] {
				taken[path] = true
				out.Mappings = append(out.Mappings, nativeMapping{path, m.APIID + "/" + s.StageName})
			}
		}
	}
	return out, nil
}
