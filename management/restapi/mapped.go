package restapi

import (
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/management/domain"
	"gatehouse/management/store"
)

// mappedDomains names the domains that lead to an API, or to a stage of it: what they
// lead to is not to be deleted.
func mappedDomains(r store.Reader, region, apiID, stage string) (string, error) {
	folder := strings.TrimSuffix(domain.MappingsFolder(region, ""), "/")
	entries, err := r.List(folder)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		var m domain.Mapping
		if err := json.Unmarshal(e.Value, &m); err != nil {
			return "", err
		}
		if m.APIID == apiID && (stage == "" || m.Stage == stage) {
			name, _, _ := strings.Cut(strings.TrimPrefix(e.Key, folder), "/")
			names = append(names, name)
		}
	}
	ruled, err := domain.RuledDomains(r, region, apiID, stage)
	names = append(names, ruled...)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", "), err
}
