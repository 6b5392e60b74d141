package ratelimit

import (
	"math"
	"time"

	quotav3 "github.com/envoyproxy/go-control-plane/envoy/service/rate_limit_quota/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
)

// What real Envoy 1.40 does with assignments, on which all here rests:
//   - A token bucket that is filled once a year lets exactly its tokens through.
//   - One that is assigned again with the same size keeps the tokens that are left. With
//     another size it keeps the same part: half full stays half full. With another
//     rate it fills by that from then on.
//   - One that is assigned after a blanket rule begins full, also when the rule and the
//     bucket come in the same message.
//   - Buckets outlive updates of routes and of the filter, and the end of the stream. What
//     an Envoy counts while no service answers is lost, but for the last five seconds.
//   - All filters of an Envoy that ask the same service for the same domain share one
//     stream. A new bucket is reported at once, all of them every five seconds, with the
//     idle ones. Requests before the first assignment go by no_assignment_behavior,
//     where token buckets are not enforced.
//   - An assignment without a time to live is over at once. What comes after the time is
//     no_assignment_behavior again.

const (
	// openTTL is how long an Envoy goes by an assignment of a limit that is open without
	// the service: for three reports that are not answered.
	openTTL = 15 * time.Second
	// localTTL is how long it goes by one that is not: as long as the service is gone.
	localTTL = 31 * 24 * time.Hour
	// newPeriod is how long after the end of a quota's period an Envoy goes by what it was
	// given in it: the next report tells more, if there is a service.
	newPeriod = time.Minute
	// neverFilled is an interval of filling that does not matter.
	neverFilled = 365 * 24 * time.Hour
	// maxLease is the largest lease. Envoy counts tokens in 32 bits.
	maxLease = 1 << 31
)

// An action is what an Envoy is told about one bucket.
type action = quotav3.RateLimitQuotaResponse_BucketAction

// lifetime of an assignment of a limit, whose period ends after so long; 0 has none.
func lifetime(l *Limit, ends time.Duration) time.Duration {
	switch {
	case l.Quota == nil && l.Throttle == nil:
		return localTTL
	case l.FailureMode() == gateway.FailOpen:
		return openTTL
	case ends > 0:
		return min(ends+newPeriod, localTTL)
	}
	return localTTL
}

// lease lets n requests through and no more.
func lease(id *quotav3.BucketId, n int64, ttl time.Duration) *action {
	return tokenBucket(id, n, 1, neverFilled, ttl)
}

// share lets through so many requests a second, burst of them at once.
func share(id *quotav3.BucketId, rate float64, burst int64, ttl time.Duration) *action {
	// Envoy takes whole tokens in whole seconds: the longest interval in which they fit is
	// the most exact.
	interval := int64(1_000_000)
	for interval > 1 && rate*float64(interval) > math.MaxUint32 {
		interval /= 10
	}
	tokens := min(max(math.Round(rate*float64(interval)), 1), math.MaxUint32)
	return tokenBucket(id, burst, uint32(tokens), time.Duration(interval)*time.Second, ttl)
}

func tokenBucket(id *quotav3.BucketId, size int64, tokens uint32, interval, ttl time.Duration) *action {
	return assign(id, ttl, &typev3.RateLimitStrategy{Strategy: &typev3.RateLimitStrategy_TokenBucket{TokenBucket: &typev3.TokenBucket{
		MaxTokens: uint32(min(max(size, 1), math.MaxUint32)), TokensPerFill: wrapperspb.UInt32(tokens), FillInterval: durationpb.New(interval),
	}}})
}

func allowAll(id *quotav3.BucketId, ttl time.Duration) *action {
	return blanket(id, ttl, typev3.RateLimitStrategy_ALLOW_ALL)
}

func denyAll(id *quotav3.BucketId, ttl time.Duration) *action {
	return blanket(id, ttl, typev3.RateLimitStrategy_DENY_ALL)
}

func blanket(id *quotav3.BucketId, ttl time.Duration, rule typev3.RateLimitStrategy_BlanketRule) *action {
	return assign(id, ttl, &typev3.RateLimitStrategy{Strategy: &typev3.RateLimitStrategy_BlanketRule_{BlanketRule: rule}})
}

func assign(id *quotav3.BucketId, ttl time.Duration, strategy *typev3.RateLimitStrategy) *action {
	return &action{BucketId: id, BucketAction: &quotav3.RateLimitQuotaResponse_BucketAction_QuotaAssignmentAction_{
		QuotaAssignmentAction: &quotav3.RateLimitQuotaResponse_BucketAction_QuotaAssignmentAction{
			AssignmentTimeToLive: durationpb.New(ttl), RateLimitStrategy: strategy,
		},
	}}
}

// abandon has an Envoy forget a bucket until it is asked for again.
func abandon(id *quotav3.BucketId) *action {
	return &action{BucketId: id, BucketAction: &quotav3.RateLimitQuotaResponse_BucketAction_AbandonAction_{
		AbandonAction: &quotav3.RateLimitQuotaResponse_BucketAction_AbandonAction{},
	}}
}
