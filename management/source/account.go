package source

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
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
		APIKeys            []nativeAPIKey      `json:"apiKeys,omitempty"`
		UsagePlans         []nativeUsagePlan   `json:"usagePlans,omitempty"`
		Domains            []nativeDomain      `json:"domains,omitempty"`
		ClientCertificates []nativeCertificate `json:"clientCertificates,omitempty"`
		VPCLinks           []nativeVPCLink     `json:"vpcLinks,omitempty"`
		Portals            []nativePortal      `json:"portals,omitempty"`
	}
	nativeAPIKey struct {
		Name    string   `json:"name"`
		Value   string   `json:"value"`
		Enabled bool     `json:"enabled"`
		Plans   []string `json:"plans,omitempty"`
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
		TLS      *nativeTLS      `json:"tls,omitempty"`
		Rules    []nativeRule    `json:"rules,omitempty"`
		Mappings []nativeMapping `json:"mappings"`
	}
	nativeRule struct {
		ID        string            `json:"id"`
		Priority  int               `json:"priority"`
		Headers   map[string]string `json:"headers,omitempty"`
		Path      string            `json:"path,omitempty"`
		StripPath bool              `json:"stripPath,omitempty"`
		Stage     string            `json:"stage"`
	}
	nativeTLS struct {
		ARN         string `json:"arn,omitempty"`
		Certificate string `json:"certificate,omitempty"`
		Key         string `json:"key,omitempty"`
		MinVersion  string `json:"minVersion,omitempty"`
		Truststore  string `json:"truststore,omitempty"`
	}
	nativeCertificate struct {
		ID          string `json:"id"`
		Certificate string `json:"certificate"`
		Key         string `json:"key"`
	}
	nativeVPCLink struct {
		ID      string   `json:"id"`
		Name    string   `json:"name,omitempty"`
		Targets []string `json:"targets,omitempty"`
	}
	nativeMapping struct {
		Path  string `json:"path"`
		Stage string `json:"stage"`
	}
)

// account renders what the APIs of a region share, apart from domains: usage plans, API
// keys, client certificates, VPC links. What they are called in definitions is their ids:
// names need not be unique here, and usage is asked for by ids. What plans refer to need
// not be there any more; the loader leaves that out.
func account(reader store.Reader, region string) (Files, error) {
	files := newFiles()
	var plans nativeAccount
	stored, err := list[restapi.UsagePlan](reader, restapi.UsagePlansFolder(region))
	if err != nil {
		return Files{}, err
	}
	planned := map[string]bool{}
	for i := range stored {
		plan, err := usagePlan(reader, region, &stored[i])
		if err != nil {
			return Files{}, err
		}
		plans.UsagePlans = append(plans.UsagePlans, plan)
		for _, key := range plan.Keys {
			planned[key] = true
		}
	}
	if plans.APIKeys, err = keysWithPlans(reader, region, planned); err != nil {
		return Files{}, err
	}
	if len(plans.APIKeys)+len(plans.UsagePlans) > 0 {
		if err := files.addAccount(region+"/usageplans.json", plans); err != nil {
			return Files{}, err
		}
	}
	shared, err := Backends(reader, region)
	if err != nil {
		return Files{}, err
	}
	files.Add(shared)
	return files.sorted(), nil
}

// Backends renders what APIs of a region refer to by ids and cannot be loaded without:
// client certificates and VPC links.
func Backends(reader store.Reader, region string) (Files, error) {
	files := newFiles()
	var backends nativeAccount
	certificates, err := list[restapi.StoredClientCertificate](reader, restapi.ClientCertificatesFolder(region))
	if err != nil {
		return Files{}, err
	}
	for _, c := range certificates {
		backends.ClientCertificates = append(backends.ClientCertificates, nativeCertificate{c.ClientCertificateID, c.PemEncodedCertificate, c.PrivateKey})
	}
	if backends.VPCLinks, err = vpcLinks(reader, region); err != nil {
		return Files{}, err
	}
	if len(backends.ClientCertificates)+len(backends.VPCLinks) > 0 {
		if err := files.addAccount(region+"/backends.json", backends); err != nil {
			return Files{}, err
		}
	}
	return files, nil
}

// keysWithPlans gives the keys that have a plan. Others let nobody in, and may be many: that
// one is made is no reason to load anything anew, nor to read all of them.
func keysWithPlans(reader store.Reader, region string, planned map[string]bool) (keys []nativeAPIKey, err error) {
	folder := restapi.APIKeysFolder(region)
	entries, err := reader.Children(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		id := strings.TrimPrefix(e.Key, folder)
		if !planned[id] && !bytes.Contains(e.Value, []byte(restapi.PlanTag)) {
			continue
		}
		k, err := decode[restapi.APIKey](e.Key, e.Value)
		if err != nil {
			return nil, err
		}
		key := nativeAPIKey{Name: k.ID, Value: k.Value, Enabled: k.Enabled}
		// What the management API has said of a key goes before what its tag says: two
		// plans might have the same stage.
		if plan := k.Tags[restapi.PlanTag]; plan != "" && !planned[k.ID] {
			key.Plans = []string{plan}
		}
		if planned[id] || len(key.Plans) > 0 {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// vpcLinks renders those of both services: apigatewayv2's have no targets.
func vpcLinks(reader store.Reader, region string) (links []nativeVPCLink, err error) {
	folder := restapi.VPCLinksFolder(region)
	entries, err := reader.Children(folder)
	for _, e := range entries {
		l, err := decode[struct {
			Name       string   `json:"name"`
			TargetARNs []string `json:"targetArns"`
		}](e.Key, e.Value)
		if err != nil {
			return nil, err
		}
		links = append(links, nativeVPCLink{strings.TrimPrefix(e.Key, folder), l.Name, l.TargetARNs})
	}
	return links, err
}

// domainFiles renders a domain with its mappings, by the key of its document.
func domainFiles(reader store.Reader, key string) (Files, error) {
	files := newFiles()
	region, _, _ := strings.Cut(key, "/")
	n, err := get[domain.Name](reader, key)
	if errors.Is(err, store.ErrNotFound) {
		return files, nil
	}
	if err != nil {
		return Files{}, err
	}
	rendered, err := files.domainName(reader, region, &n)
	if err == nil && rendered != nil {
		err = files.addAccount(key+"/domain.json", nativeAccount{Domains: []nativeDomain{*rendered}})
	}
	return files, err
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
	if n.Endpoint(domain.Private) != nil {
		return nil, nil
	}
	out := &nativeDomain{Name: n.Name, TLS: domainTLS(n), Mappings: []nativeMapping{}}
	if n.RoutingMode == domain.ByRule || n.RoutingMode == domain.ByRuleThenMapping {
		rules, err := domain.Rules(reader, region, n.Name)
		if err != nil {
			return nil, err
		}
		for _, r := range rules {
			out.Rules = append(out.Rules, domainRule(r))
		}
	}
	if n.RoutingMode == domain.ByRule {
		return out, nil
	}
	mappings, err := list[domain.Mapping](reader, domain.MappingsFolder(region, n.Name))
	if err != nil {
		return nil, err
	}
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

func domainRule(r *domain.Rule) nativeRule {
	t := r.Target()
	out := nativeRule{ID: r.ID, Priority: r.Priority, Path: r.Path(), StripPath: t.StripBasePath, Stage: t.APIID + "/" + t.Stage}
	for _, h := range r.Headers() {
		if out.Headers == nil {
			out.Headers = map[string]string{}
		}
		out.Headers[h.Header] = h.ValueGlob
	}
	return out
}

// domainTLS is what a domain asks for; what an ARN and a URI stand for, the owner of the
// machine says.
func domainTLS(n *domain.Name) *nativeTLS {
	t := &nativeTLS{}
	for _, e := range n.Endpoints {
		t.ARN, t.MinVersion = cmp.Or(t.ARN, e.CertificateARN), cmp.Or(t.MinVersion, minVersion(e.SecurityPolicy))
	}
	if c := n.Certificate; c != nil && t.ARN == "" {
		t.Certificate, t.Key = strings.TrimRight(c.Body, "\n")+"\n"+c.Chain, c.PrivateKey
	}
	if n.MutualTLS != nil {
		t.Truststore = n.MutualTLS.TruststoreURI
	}
	if t.ARN == "" && t.Certificate == "" && t.Truststore == "" {
		return nil
	}
	return t
}

// minVersion is the least TLS version of a security policy.
func minVersion(policy string) string {
	switch {
	case policy == "TLS_1_0":
		return "1.0"
	case strings.HasPrefix(policy, "SecurityPolicy_TLS13_1_3"), policy == "SecurityPolicy_TLS13_2025_EDGE":
		return "1.3"
	}
	return "1.2"
}
