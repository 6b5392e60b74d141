package telemetry

import (
	"slices"
	"time"

	"gatehouse/gateway"
	"gatehouse/telemetry/metering"
)

// Meter counts what bills are made of. *metering.Meter is one.
type Meter interface {
	Count(metering.Of, metering.Counts)
}

// free are refusals that Amazon does not charge for: of callers that it does not know, or
// that ask too often.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-pricing.html
var free = []gateway.ResponseType{
	gateway.Unauthorized, gateway.AccessDenied, gateway.InvalidAPIKey, gateway.MissingAuthenticationToken, gateway.ExpiredToken,
	gateway.InvalidSignature, gateway.AuthorizerFailure, gateway.AuthorizerConfigurationError, gateway.Throttled, gateway.QuotaExceeded,
}

// meter counts a request for bills.
func (s *Server) meter(r *request) {
	if s.metered == nil || r.stage == nil {
		return
	}
	counts := metering.Counts{BytesIn: r.received, BytesOut: r.sent}
	switch {
	case r.stage.api.Protocol == gateway.WebSocket:
		// Messages, and how long connections last, are known to who serves them.
	case r.status >= 400 && r.free():
		counts.Free = 1
	default:
		counts.Calls, counts.CallSteps = 1, metering.Steps(counts.BytesIn+counts.BytesOut, metering.CallStep)
	}
	s.metered.Count(metering.Of{API: r.stage.api.ID, Protocol: string(r.stage.api.Protocol), Stage: r.stage.name, Key: r.keyName()}, counts)
}

// free tells whether a refusal is one that is not charged for. Paths that are not there
// are: they are answered with the same type as requests without a signature are.
func (r *request) free() bool { return r.route != nil && slices.Contains(free, r.responseType()) }

// meterCaches counts a minute for every cache of a stage, each minute, until the end.
func (s *Server) meterCaches(tick <-chan time.Time) {
	for {
		select {
		case <-s.ended:
			return
		case <-tick:
		}
		now := s.serving.Load().current
		if now == nil {
			continue
		}
		for _, st := range now.stages {
			if st.cacheBytes > 0 {
				s.metered.Count(metering.Of{API: st.api.ID, Protocol: string(st.api.Protocol), Stage: st.name, CacheBytes: st.cacheBytes}, metering.Counts{CacheMinutes: 1})
			}
		}
	}
}
