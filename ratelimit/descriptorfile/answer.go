package descriptorfile

import (
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// response is what the reference service says.
func (c *call) response(h headers) *ratelimitv3.RateLimitResponse {
	out := &ratelimitv3.RateLimitResponse{
		OverallCode: ratelimitv3.RateLimitResponse_OK,
		Statuses:    make([]*ratelimitv3.RateLimitResponse_DescriptorStatus, len(c.descriptors)),
	}
	for i := range c.descriptors {
		d := &c.descriptors[i]
		out.Statuses[i] = d.status()
		if d.refuses() {
			out.OverallCode = ratelimitv3.RateLimitResponse_OVER_LIMIT
		}
	}
	if h.limit != "" {
		out.ResponseHeadersToAdd = h.of(out.Statuses)
	}
	out.DynamicMetadata = c.metadata()
	return out
}

func (d *descriptor) status() *ratelimitv3.RateLimitResponse_DescriptorStatus {
	s := &ratelimitv3.RateLimitResponse_DescriptorStatus{Code: ratelimitv3.RateLimitResponse_OK}
	switch {
	case d.limit == nil || d.replaced:
	case d.limit.Unlimited:
		s.LimitRemaining = maxRequests
	default:
		s.CurrentLimit = &ratelimitv3.RateLimitResponse_RateLimit{
			Name: d.limit.Name, RequestsPerUnit: d.limit.Requests,
			Unit: ratelimitv3.RateLimitResponse_RateLimit_Unit(d.limit.Unit),
		}
		s.LimitRemaining = uint32(min(max(0, d.answer.Remaining), maxRequests))
		s.DurationUntilReset = &durationpb.Duration{Seconds: wholeSeconds(d.answer.Reset)}
		if d.refuses() {
			s.Code = ratelimitv3.RateLimitResponse_OVER_LIMIT
		}
	}
	return s
}

// metadata tells Envoy which limits of quota mode were exceeded, where a limit has that:
// its filter puts it where access logs and later filters find it. Nil is nothing to tell.
func (c *call) metadata() *structpb.Struct {
	enabled, violations := false, []*structpb.Value(nil)
	for i := range c.descriptors {
		d := &c.descriptors[i]
		if d.limit == nil || d.replaced || d.limit.Unlimited || !d.limit.Quota {
			continue
		}
		enabled = true
		if d.over && !d.limit.Shadow {
			violations = append(violations, structpb.NewNumberValue(float64(i)))
		}
	}
	if !enabled {
		return nil
	}
	fields := map[string]*structpb.Value{
		"domain":           structpb.NewStringValue(c.request.GetDomain()),
		"quotaModeEnabled": structpb.NewBoolValue(true),
	}
	if len(violations) > 0 {
		fields["quotaModeViolations"] = structpb.NewListValue(&structpb.ListValue{Values: violations})
	}
	return &structpb.Struct{Fields: fields}
}

// headers are the names of response headers, empty for none.
type headers struct{ limit, remaining, reset string }

func newHeaders(prefix string) headers {
	if prefix == "" {
		return headers{}
	}
	return headers{prefix + "-Limit", prefix + "-Remaining", prefix + "-Reset"}
}

// of tells of the limit that refuses, or else the one that is closest to it.
func (h headers) of(statuses []*ratelimitv3.RateLimitResponse_DescriptorStatus) []*corev3.HeaderValue {
	var tell *ratelimitv3.RateLimitResponse_DescriptorStatus
	for _, s := range statuses {
		switch {
		case s.GetCurrentLimit() == nil:
		case s.GetCode() == ratelimitv3.RateLimitResponse_OVER_LIMIT,
			tell == nil,
			tell.GetCode() == ratelimitv3.RateLimitResponse_OK && s.GetLimitRemaining() < tell.GetLimitRemaining():
			tell = s
		}
	}
	if tell == nil {
		return nil
	}
	number := func(name string, n int64) *corev3.HeaderValue {
		return &corev3.HeaderValue{Key: name, Value: strconv.FormatInt(n, 10)}
	}
	return []*corev3.HeaderValue{
		number(h.limit, int64(tell.GetCurrentLimit().GetRequestsPerUnit())),
		number(h.remaining, int64(tell.GetLimitRemaining())),
		number(h.reset, tell.GetDurationUntilReset().GetSeconds()),
	}
}
