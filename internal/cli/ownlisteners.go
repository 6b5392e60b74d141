package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"gatehouse/gateway"
	"gatehouse/translator"
	"gatehouse/xds"
)

// ownEnvoy is the Envoy that run has started.
type ownEnvoy struct {
	admin, node, gateway string
}

// maxListenerDump bounds what is read of Envoy's answer: names and versions of listeners.
const maxListenerDump = 16 << 20

// listenerState is what Envoy's config dump tells of a listener, as far as it is asked for.
// See https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump_shared.proto#admin-v3-listenersconfigdump-dynamiclistener
type listenerState struct {
	Name    string    `json:"name"`
	Active  *struct{} `json:"active_state"`
	Warming *struct{} `json:"warming_state"`
}

// refusals are those of listeners that the Envoy has acknowledged, and does not have all
// the same. It binds an address when it takes a listener, and listens a moment later: who
// did so in between has the address, and Envoy gives the listener up and logs it. Nil also
// when the revision is not served any more.
func (o *ownEnvoy) refusals(ctx context.Context, s *gateway.Snapshot, served func(revision string) bool) []xds.NACK {
	for served(s.Revision()) {
		states, err := o.listeners(ctx)
		if err == nil {
			if nacks, settled := o.missing(s, states); settled {
				return nacks
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(readyInterval):
		}
	}
	return nil
}

// missing tells which listeners are not there; false while some are on their way.
func (o *ownEnvoy) missing(s *gateway.Snapshot, states []listenerState) (nacks []xds.NACK, settled bool) {
	active := map[string]bool{}
	for _, state := range states {
		if state.Warming != nil {
			return nil, false
		}
		active[state.Name] = state.Active != nil
	}
	for i := range s.Gateways {
		g := &s.Gateways[i]
		if g.Name != o.gateway {
			continue
		}
		for j := range g.Listeners {
			l := &g.Listeners[j]
			if name := translator.ListenerName(l.Address, l.Port); !active[name] {
				nacks = append(nacks, xds.NACK{
					Time: time.Now(), Node: o.node, Gateway: o.gateway, Revision: s.Revision(), TypeURL: xds.ListenerType, Resources: []string{name},
					Message: fmt.Sprintf("it took the listener, and does not listen on %s:%d: another program was faster, or its log has the reason", l.Address, l.Port),
				})
			}
		}
	}
	return nacks, true
}

// listeners asks the Envoy once it is ready: before, it has bound addresses at most.
func (o *ownEnvoy) listeners(ctx context.Context) ([]listenerState, error) {
	if !envoyIsReady(ctx, o.admin) {
		return nil, fmt.Errorf("envoy is not ready")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	query := url.Values{"resource": {"dynamic_listeners"}, "mask": {"name,active_state.version_info,warming_state.version_info"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.admin+"/config_dump?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := adminClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("envoy answers %s", resp.Status)
	}
	var dump struct{ Configs []listenerState }
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxListenerDump)).Decode(&dump); err != nil {
		return nil, fmt.Errorf("reading envoy's listeners: %w", err)
	}
	return dump.Configs, nil
}
