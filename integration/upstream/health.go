package upstream

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"gatehouse/gateway"
)

// Backends that have a health check are watched here as Envoy watches those that it asks
// itself, from the first request on until no revision has them any more. Endpoints that are
// not well are asked only if there are no others.

// watch checks all endpoints of a pool until it is closed, over a transport of its own, so
// that checks do not wait for requests.
func (p *Pool) watch(h *gateway.HealthCheck, transport *http.Transport) {
	transport.MaxConnsPerHost = 0
	interval := time.Duration(cmp.Or(h.IntervalMillis, 5000)) * time.Millisecond
	timeout := time.Duration(cmp.Or(h.TimeoutMillis, 1000)) * time.Millisecond
	for _, e := range p.endpoints {
		w := &watched{endpoint: e, rise: int(cmp.Or(h.HealthyThreshold, 2)), fall: int(cmp.Or(h.UnhealthyThreshold, 3))}
		go func() {
			defer transport.CloseIdleConnections()
			ticker := time.NewTicker(interval)
			defer ticker.Stop()
			for {
				w.note(isWell(transport, p.scheme+"://"+e.address+cmp.Or(h.Path, "/"), timeout))
				select {
				case <-ticker.C:
				case <-p.closed:
					return
				}
			}
		}()
	}
}

// isWell asks once. What is well answers 200.
func isWell(transport http.RoundTripper, url string, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	r.Header.Set("User-Agent", "Gatehouse/HC")
	response, err := transport.RoundTrip(r)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// watched is an endpoint with what was last heard of it.
type watched struct {
	*endpoint
	// rise and fall are how many answers of the other kind in a row change its state.
	rise, fall int
	checked    bool
	against    int
}

// note takes the result of a check in. The first one counts at once.
func (w *watched) note(well bool) {
	if w.unhealthy.Load() != well {
		w.against, w.checked = 0, true
		return
	}
	w.against++
	needed := w.fall
	if well {
		needed = w.rise
	}
	if !w.checked || w.against >= needed {
		w.unhealthy.Store(!well)
		w.against = 0
	}
	w.checked = true
}
