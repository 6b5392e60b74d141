package translator

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/internal/wire"
)

// hoist moves what the routes of a host have in common to the virtual host: a change
// then sends, and Envoy holds, a fraction of the bytes.
func hoist(vh *routev3.VirtualHost, list []bucket) {
	var all, proxied []*routev3.Route
	seen := map[*routev3.Route]bool{}
	for _, b := range list {
		for _, r := range b.routes {
			if seen[r] {
				continue
			}
			seen[r] = true
			all = append(all, r)
			// What is done to requests does not matter where Envoy answers itself.
			if r.GetDirectResponse() == nil {
				proxied = append(proxied, r)
			}
		}
	}
	vh.TypedPerFilterConfig = map[string]*anypb.Any{}
	hoistFilter(vh, filterHeaders, proxied, switchedOff)
	hoistFilter(vh, filterBodyLimit, proxied, switchedOff)
	hoistFilter(vh, filterCORS, all, switchedOff)
	hoistFilter(vh, filterResponses, all, switchedOff)
	hoistFilter(vh, filterReportedLimits, all, switchedOff)
	hoistFilter(vh, filterAsked, all, switchedOn)
	vh.ResponseHeadersToAdd = hoistHeaders(all,
		func(r *routev3.Route) *[]*corev3.HeaderValueOption { return &r.ResponseHeadersToAdd })
	vh.RequestHeadersToAdd = hoistHeaders(proxied,
		func(r *routev3.Route) *[]*corev3.HeaderValueOption { return &r.RequestHeadersToAdd })
	vh.RequestHeadersToRemove = hoistNames(proxied)
}

// hoistFilter gives the host the filter configuration that most routes have, and those that have
// none what the filter does otherwise.
func hoistFilter(vh *routev3.VirtualHost, filter string, routes []*routev3.Route, otherwise *anypb.Any) {
	votes := map[string]int{}
	var common *anypb.Any
	for _, r := range routes {
		if config := r.TypedPerFilterConfig[filter]; config != nil {
			votes[string(config.Value)]++
			if votes[string(config.Value)] > len(routes)/2 {
				common = config
			}
		}
	}
	if common == nil {
		return
	}
	vh.TypedPerFilterConfig[filter] = common
	for _, r := range routes {
		switch own := r.TypedPerFilterConfig[filter]; {
		case own == nil && r.TypedPerFilterConfig == nil:
			r.TypedPerFilterConfig = map[string]*anypb.Any{filter: otherwise}
		case own == nil:
			r.TypedPerFilterConfig[filter] = otherwise
		case proto.Equal(own, common):
			delete(r.TypedPerFilterConfig, filter)
		}
	}
}

var (
	switchedOn  = enabled(nil)
	switchedOff = anyOf(&routev3.FilterConfig{Disabled: true})
)

// hoistHeaders takes the headers that every route adds, and gives them back. The host's
// are set after a route's: a header stays where some route sets it otherwise, too.
func hoistHeaders(routes []*routev3.Route, of func(*routev3.Route) *[]*corev3.HeaderValueOption) []*corev3.HeaderValueOption {
	if len(routes) == 0 {
		return nil
	}
	var common []*corev3.HeaderValueOption
	for _, h := range *of(routes[0]) {
		same := func(o *corev3.HeaderValueOption) bool { return proto.Equal(h, o) }
		other := func(o *corev3.HeaderValueOption) bool {
			return strings.EqualFold(o.GetHeader().GetKey(), h.GetHeader().GetKey()) && !proto.Equal(h, o)
		}
		if !slices.ContainsFunc(routes, func(r *routev3.Route) bool {
			return !slices.ContainsFunc(*of(r), same) || slices.ContainsFunc(*of(r), other)
		}) {
			common = append(common, h)
		}
	}
	for _, h := range common {
		for _, r := range routes {
			list := of(r)
			*list = slices.DeleteFunc(slices.Clone(*list), func(o *corev3.HeaderValueOption) bool { return proto.Equal(h, o) })
		}
	}
	return common
}

// readByChecks are headers of requests that a check may look at, be it for a signature. A request
// that is passed on to the present chain has to have them still when it gets there: routes
// remove them, and not the host.
var readByChecks = []string{
	"authorization", "x-amz-security-token", "x-amz-date", "x-amz-content-sha256", "content-md5", "content-encoding",
	wire.AskedHostHeader, wire.AskedPathHeader,
}

// hoistNames does the same for the headers that every route removes.
func hoistNames(routes []*routev3.Route) []string {
	if len(routes) == 0 {
		return nil
	}
	common := slices.Clone(routes[0].RequestHeadersToRemove)
	for _, r := range routes {
		common = slices.DeleteFunc(common, func(name string) bool {
			return slices.Contains(readByChecks, name) || !slices.Contains(r.RequestHeadersToRemove, name)
		})
	}
	for _, r := range routes {
		r.RequestHeadersToRemove = slices.DeleteFunc(slices.Clone(r.RequestHeadersToRemove),
			func(name string) bool { return slices.Contains(common, name) })
	}
	return common
}
