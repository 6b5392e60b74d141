package translator

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
)

const (
	// idleConnectionTimeout is Amazon's bound for idle client connections.
	idleConnectionTimeout = 310 * time.Second
	// idleStreamTimeout cuts a request on which nothing moves in either direction:
	// Amazon's bound for streamed responses.
	idleStreamTimeout = 5 * time.Minute
	// idleSlack is how much longer an Envoy waits than who answers may take: that one tells
	// the client why nothing more comes.
	idleSlack = 30 * time.Second
	// requestHeadersTimeout bounds how slowly a client may send its headers.
	requestHeadersTimeout = 30 * time.Second
)

// silence is how long an Envoy lets nothing happen on a route: as long as its integration may
// take, if that is longer than what holds for all others. Nil stands for that. What streams has
// Amazon's bound, unless the stage itself allows more time.
func (c *stageCompiler) silence(r *parsedRoute) *durationpb.Duration {
	if r.settings.TimeoutMillis != nil {
		return silenceOf(*r.settings.TimeoutMillis)
	}
	return silenceOf(longIntegration(r.Integration))
}

// longIntegration is what an integration says of how long it may be silent, in milliseconds.
func longIntegration(in *gateway.Integration) int64 {
	if in == nil || in.ResponseTransferMode == "STREAM" {
		return 0
	}
	return in.TimeoutMillis
}

func silenceOf(timeoutMillis int64) *durationpb.Duration {
	if time.Duration(timeoutMillis)*time.Millisecond < idleStreamTimeout {
		return nil
	}
	return withSlack(timeoutMillis)
}

func withSlack(timeoutMillis int64) *durationpb.Duration {
	return durationpb.New(time.Duration(timeoutMillis)*time.Millisecond + idleSlack)
}

// longestSilence is how long an Envoy lets nothing happen before it has looked a route of some
// stages up: as long as any of them may.
func longestSilence(stages ...gateway.Stage) *durationpb.Duration {
	var longest int64
	for i := range stages {
		for _, s := range stages[i].Settings {
			if s.TimeoutMillis != nil {
				longest = max(longest, *s.TimeoutMillis)
			}
		}
		for _, d := range stages[i].Deployments() {
			for j := range d.Routes {
				longest = max(longest, longIntegration(d.Routes[j].Integration))
			}
		}
	}
	return silenceOf(longest)
}

// pathFormIdle is how long an Envoy waits on the first pass by the path form: as long as
// any stage's connections, or integrations, may wait. Nil stands for what holds for all others.
func pathFormIdle(api *gateway.API) *durationpb.Duration {
	if api.Protocol != gateway.WebSocket {
		return longestSilence(api.Stages...)
	}
	var longest int64
	for i := range api.Stages {
		longest = max(longest, idleMillis(&api.Stages[i]))
	}
	return withSlack(longest)
}
