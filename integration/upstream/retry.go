package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
)

// Retries is what a stage, or a backend, says of requests that fail. It is Envoy's policy, as
// far as it is about what HTTP backends answer.
// See https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/router_filter
type Retries struct {
	attempts int
	on       map[string]bool
	// statuses are those that retriable-status-codes means.
	statuses []int
	perTry   time.Duration
}

const (
	// maxRetries is how many requests of an upstream may be repeated at a time. It is Envoy's
	// default, and keeps a backend that is down from being asked all the more.
	maxRetries = 3
	// retryPause is Envoy's: the first pause is up to that, the next ones up to ten times.
	retryPause = 25 * time.Millisecond
)

// RetriesOf reads a policy; nil repeats nothing.
func RetriesOf(policy *gateway.Retry) Retries {
	if policy == nil || policy.Attempts == 0 {
		return Retries{}
	}
	out := Retries{attempts: int(policy.Attempts), on: map[string]bool{}, perTry: time.Duration(policy.PerTryTimeoutMillis) * time.Millisecond}
	on := policy.On
	if on == "" {
		on, out.statuses = "connect-failure,unavailable,cancelled,retriable-status-codes", []int{http.StatusServiceUnavailable}
	}
	for condition := range strings.SplitSeq(on, ",") {
		out.on[strings.TrimSpace(condition)] = true
	}
	return out
}

// grpcConditions are the statuses of gRPC that a policy may name.
var grpcConditions = map[string]string{"1": "cancelled", "4": "deadline-exceeded", "8": "resource-exhausted", "13": "internal", "14": "unavailable"}

// wants reports whether the policy has a request repeated that was answered so, or not at all.
func (p *Retries) wants(response *http.Response, err error) bool {
	if err != nil {
		if errors.Is(err, ErrBusy) {
			return false
		}
		return p.on["5xx"] || p.on["gateway-error"] || p.on["reset"] || p.on["connect-failure"] && isConnectFailure(err)
	}
	status := response.StatusCode
	switch {
	case p.on["5xx"] && status >= 500, p.on["gateway-error"] && status >= 502 && status <= 504, p.on["retriable-4xx"] && status == http.StatusConflict:
		return true
	}
	if p.on["retriable-status-codes"] && slices.Contains(p.statuses, status) {
		return true
	}
	return p.on[grpcConditions[response.Header.Get("Grpc-Status")]]
}

// isConnectFailure reports that nobody has got the request.
func isConnectFailure(err error) bool {
	dial := (*net.OpError)(nil)
	return errors.As(err, &dial) && dial.Op == "dial"
}

// ErrTryTimeout ends a try that takes longer than one may.
var ErrTryTimeout = errors.New("the backend took longer than a try may")

// Send asks an upstream until it answers what the policy lets stand. The release ends the
// request, after its response is read. The client is the caller, by whom some backends are
// balanced.
func (p *Retries) Send(ctx context.Context, to *Pool, client string, request RequestMaker) (response *http.Response, release func(), err error) {
	for try := 0; ; try++ {
		response, release, err = p.once(ctx, to, client, request)
		if try >= p.attempts || ctx.Err() != nil || !p.wants(response, err) {
			return response, release, err
		}
		if to.retrying.Add(1) > maxRetries {
			to.retrying.Add(-1)
			return response, release, err
		}
		if err == nil {
			response.Body.Close()
			release()
		}
		pause := time.NewTimer(rand.N(min(retryPause<<try, 10*retryPause)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			to.retrying.Add(-1)
			return nil, nil, ctx.Err()
		}
		to.retrying.Add(-1)
	}
}

// once is one try. Its time ends with the headers of the response.
func (p *Retries) once(ctx context.Context, to *Pool, client string, request RequestMaker) (*http.Response, func(), error) {
	if p.perTry == 0 {
		return to.send(ctx, client, request)
	}
	tried, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(p.perTry, func() { cancel(ErrTryTimeout) })
	response, release, err := to.send(tried, client, request)
	timely := timer.Stop()
	if err != nil {
		if errors.Is(context.Cause(tried), ErrTryTimeout) {
			err = ErrTryTimeout
		}
		cancel(nil)
		return nil, nil, err
	}
	done := func() { release(); cancel(nil) }
	if !timely {
		response.Body.Close()
		done()
		return nil, nil, ErrTryTimeout
	}
	return response, done, nil
}
