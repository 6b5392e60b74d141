package translator

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
)

// A host whose backends all have their headers renamed does without the filter for it: the
// virtual host adds the new names, and its route configuration, whose turn comes after that,
// removes the old ones. That is half of what the filter costs. It takes a route
// configuration that is the host's alone.

// renamed are the names that a backend's headers get, and removedResponseHeaders those that
// they had.
var (
	// Appending looks for no header to replace, which saves a third of the cost.
	renamed = []*corev3.HeaderValueOption{
		appendHeader("x-amzn-remapped-date", "%RESP(DATE)%"),
		appendHeader("x-amzn-remapped-server", "%RESP(SERVER)%"),
	}
	removedResponseHeaders = []string{"date", "server", "via"}
)

// renamesAll reports whether a host's routes to backends all have the filter, and nothing
// that Envoy answers itself has such a header of its own, which would be removed as well.
func renamesAll(st *site, vh *routev3.VirtualHost, list []bucket) bool {
	if !proto.Equal(vh.TypedPerFilterConfig[filterHeaders], enabled(remappedResponseHeaders)) {
		return false
	}
	for _, b := range list {
		for _, r := range b.routes {
			if r.GetDirectResponse() == nil && r.TypedPerFilterConfig[filterHeaders] != nil || addsRemoved(r.ResponseHeadersToAdd) {
				return false
			}
		}
	}
	return !addsRemoved(vh.ResponseHeadersToAdd) && !slices.ContainsFunc(st.mounts, repliesWithRemoved)
}

func addsRemoved(headers []*corev3.HeaderValueOption) bool {
	return slices.ContainsFunc(headers, func(h *corev3.HeaderValueOption) bool { return isRemoved(h.GetHeader().GetKey()) })
}

func isRemoved(name string) bool {
	return slices.Contains(removedResponseHeaders, strings.ToLower(name))
}

// repliesWithRemoved reports whether gateway responses have such headers: they are made by
// a filter that comes after the route's own headers.
func repliesWithRemoved(m mount) bool {
	for _, d := range m.stage.Deployments() {
		for _, response := range d.GatewayResponses {
			if slices.ContainsFunc(response.Parameters, func(p gateway.ParameterMapping) bool {
				return isRemoved(strings.TrimPrefix(p.Target, "gatewayresponse.header."))
			}) {
				return true
			}
		}
	}
	return false
}

// renameByHeaders takes the filter off a host that renamesAll is true of.
func renameByHeaders(config *routev3.RouteConfiguration, vh *routev3.VirtualHost) {
	delete(vh.TypedPerFilterConfig, filterHeaders)
	vh.ResponseHeadersToAdd = append(slices.Clone(renamed), vh.ResponseHeadersToAdd...)
	config.ResponseHeadersToRemove = removedResponseHeaders
}
