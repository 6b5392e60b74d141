package integration

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

// TestIdentityOf holds which parameters are kept out of accounts: all that the route's own
// authorizer goes by, however many values they may have.
func TestIdentityOf(t *testing.T) {
	d := &gateway.Deployment{Authorizers: []gateway.Authorizer{
		{Name: "other", IdentitySources: []string{"method.request.header.X-Other"}},
		{Name: "own", IdentitySources: []string{
			"method.request.header.X-Token", "method.request.multivalueheader.X-Tokens", "method.request.querystring.t", "method.request.multivaluequerystring.ts",
			"context.identity.sourceIp", "stageVariables.v",
		}},
	}}
	got := identityOf(d, &gateway.Route{Authorization: &gateway.Authorization{Authorizer: "own"}})
	want := []identityParameter{{"X-Token", true}, {"X-Tokens", true}, {"t", false}, {"ts", false}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(identityParameter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, r := range []*gateway.Route{{}, {Authorization: &gateway.Authorization{Type: gateway.AuthorizationIAM}}} {
		if got := identityOf(d, r); got != nil {
			t.Errorf("%+v: %v", r, got)
		}
	}
}
