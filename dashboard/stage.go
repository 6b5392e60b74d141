package dashboard

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"gatehouse/gateway"
)

// stageView is what pages about a stage begin with.
type stageView struct {
	API   *gateway.API
	Stage *gateway.Stage
	Tabs  []navItem
	// Canary tells how much of the traffic a canary has, empty without one.
	Canary string
	// Addresses are host names and paths that lead to the stage; MoreAddresses is how many
	// there are beyond those.
	Addresses     []string
	MoreAddresses int
}

// mostAddresses is how many addresses of a stage are shown.
const mostAddresses = 10

// stageTabs are the pages about a stage, by what follows its own path.
var stageTabs = []struct{ text, below string }{
	{"Traffic", ""},
	{"Routes", "routes"},
}

// stageOf finds the stage that the path of a page names.
func (s *Server) stageOf(r *http.Request, tab string) (*gateway.Snapshot, *stageView, error) {
	snapshot := s.snapshot()
	if snapshot == nil {
		return nil, nil, absent("Nothing is served yet.")
	}
	id, name := r.PathValue("api"), r.PathValue("stage")
	api := snapshot.API(id)
	if api == nil {
		return nil, nil, notFound(fmt.Sprintf("No API has the id %q in what is served.", id))
	}
	stage := api.Stage(name)
	if stage == nil {
		return nil, nil, notFound(fmt.Sprintf("The API %s has no stage %q in what is served.", cmp.Or(api.Name, id), name))
	}
	v := &stageView{API: api, Stage: stage, Addresses: addressesOf(snapshot, api, stage)}
	v.MoreAddresses = max(len(v.Addresses)-mostAddresses, 0)
	v.Addresses = v.Addresses[:len(v.Addresses)-v.MoreAddresses]
	if stage.Canary != nil {
		v.Canary = strconv.FormatFloat(stage.Canary.Percent, 'g', 4, 64)
	}
	for _, t := range stageTabs {
		href := pathTo("apis", id, name)
		if t.below != "" {
			href = pathTo("apis", id, name, t.below)
		}
		v.Tabs = append(v.Tabs, navItem{link{t.text, href}, t.below == tab})
	}
	return snapshot, v, nil
}

// stageHref leads to the first page about a stage.
func stageHref(api, stage string) string {
	if stageTabs[0].below == "" {
		return pathTo("apis", api, stage)
	}
	return pathTo("apis", api, stage, stageTabs[0].below)
}

// title names the stage with its API.
func (v *stageView) title() string { return cmp.Or(v.API.Name, v.API.ID) + " · " + v.Stage.Name }

// addressesOf lists what leads to a stage, the shortest way to say it.
func addressesOf(snapshot *gateway.Snapshot, api *gateway.API, stage *gateway.Stage) (addresses []string) {
	for i := range snapshot.Domains {
		for _, m := range snapshot.Domains[i].Mappings {
			if m.API != api.ID || m.Stage != stage.Name {
				continue
			}
			path := m.Path
			if m.Rule != nil {
				if len(m.Rule.Headers) > 0 {
					continue // The address alone does not lead there.
				}
				path = m.Rule.Path
			}
			addresses = append(addresses, snapshot.Domains[i].Name+"/"+path)
		}
	}
	closed := api.DisableExecuteAPIEndpoint || stage.Deployment != nil && stage.Deployment.DisableExecuteAPIEndpoint
	if closed {
		return addresses
	}
	for i := range snapshot.Gateways {
		g := &snapshot.Gateways[i]
		if len(api.Gateways) > 0 && !slices.Contains(api.Gateways, g.Name) {
			continue
		}
		own := api.ID + ".execute-api." + cmp.Or(g.Suffix, "localhost") + "/"
		if stage.Name != gateway.DefaultStage {
			own += stage.Name + "/"
		}
		if !slices.Contains(addresses, own) {
			addresses = append(addresses, own)
		}
	}
	return addresses
}
