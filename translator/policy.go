package translator

import (
	"net/netip"
	"regexp"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
)

// A resource policy that asks for nothing but client addresses, for the whole of a
// route, is enforced by Envoy itself. Any other is the authorization service's: a path
// in a policy is a matter of spelling, and only one of them may decide on that.

// An addressPolicy is a resource policy reduced to addresses for one route.
type addressPolicy struct {
	identity    iampolicy.API
	deny, allow []iampolicy.Sources
}

// addressPolicy reduces the deployment's policy for a route; nil when it asks for more.
func (c *stageCompiler) addressPolicy(r *parsedRoute) *addressPolicy {
	rules, identity := c.policyRules()
	if rules == nil {
		return nil
	}
	p := &addressPolicy{identity: identity}
	var ok bool
	if p.deny, ok = sourcesFor(rules.Deny, r); !ok {
		return nil
	}
	if p.allow, ok = sourcesFor(rules.Allow, r); !ok {
		return nil
	}
	return p
}

// policyRules parses the deployment's policy once. Its problems are reported by who
// compiles the authorization service from the same snapshot.
func (c *stageCompiler) policyRules() (*iampolicy.AddressRules, iampolicy.API) {
	if !c.policyParsed {
		c.policyParsed = true
		text := []byte(c.deployment.Policy)
		home := c.api.Home()
		c.policyIdentity = iampolicy.OwnIdentity(text, iampolicy.API{Region: home.Region, Account: home.Account, ID: c.api.ID})
		if policy, _ := iampolicy.Parse(text, iampolicy.Options{Kind: iampolicy.ResourcePolicy, API: c.policyIdentity}); policy != nil {
			c.addressRules, _ = policy.AddressRules(c.policyIdentity, c.stage.Name)
		}
	}
	return c.addressRules, c.policyIdentity
}

// sourcesFor are the addresses of those rules that are about a route; false when a rule
// is about some of its paths or methods only.
func sourcesFor(rules []iampolicy.AddressRule, r *parsedRoute) ([]iampolicy.Sources, bool) {
	methods := []string{r.Method}
	if r.Method == gateway.AnyMethod {
		methods = gateway.AnyMethods()
	}
	var out []iampolicy.Sources
	for i := range rules {
		about := 0
		for _, method := range methods {
			switch paths := rules[i].Paths(method); {
			case paths.All():
				about++
			case paths.None():
			default:
				return nil, false
			}
		}
		switch about {
		case 0:
		case len(methods):
			out = append(out, rules[i].Sources)
		default:
			return nil, false
		}
	}
	return out, true
}

// enforce puts the policy into an Envoy route.
func (p *addressPolicy) enforce(route *routev3.Route) {
	if len(p.deny) > 0 {
		route.TypedPerFilterConfig[filterPolicyDeny] = enabled(refuse(map[string]*principal{refusedByPolicy: fromAny(p.deny)}))
	}
	route.TypedPerFilterConfig[filterPolicy] = p.allowed()
}

// allowed refuses who is in none of the allowed sources.
func (p *addressPolicy) allowed() *anypb.Any {
	if len(p.allow) == 0 {
		return enabled(refuse(map[string]*principal{refusedUnallowed: anybody()}))
	}
	return enabled(refuse(map[string]*principal{refusedUnallowed: not(fromAny(p.allow))}))
}

func fromAny(list []iampolicy.Sources) *principal {
	var ids []*principal
	for _, s := range list {
		ids = append(ids, from(s))
	}
	if len(ids) == 1 {
		return ids[0]
	}
	return oneOf(ids...)
}

// from holds for clients whose address is in the set.
func from(s iampolicy.Sources) *principal {
	in := &principal{Identifier: &rbacconfigv3.Principal_Any{Any: true}}
	if !s.Any {
		in = inPrefixes(s.In)
	}
	switch {
	case len(s.NotIn) == 0:
		return in
	case s.Any:
		return not(inPrefixes(s.NotIn))
	}
	return allOf(in, not(inPrefixes(s.NotIn)))
}

// mapped are the addresses of IPv4 as IPv6 writes them.
var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// inPrefixes holds for clients with an address in one of the prefixes. An address of IPv4 is
// that, too, where a trusted proxy writes it as IPv6's: Envoy compares what is written.
func inPrefixes(prefixes []netip.Prefix) *principal {
	in := func(p netip.Prefix) *principal {
		return &principal{Identifier: &rbacconfigv3.Principal_RemoteIp{RemoteIp: &corev3.CidrRange{
			AddressPrefix: p.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(p.Bits())),
		}}}
	}
	var ids []*principal
	for _, p := range prefixes {
		switch {
		case p.Addr().Is4():
			ids = append(ids, in(p), in(netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), mapped.Bits()+p.Bits())))
		case p.Overlaps(mapped):
			ids = append(ids, allOf(in(p), not(in(mapped))))
		default:
			ids = append(ids, in(p))
		}
	}
	if len(ids) == 1 {
		return ids[0]
	}
	return oneOf(ids...)
}

// policyMessage is Amazon's text for what a resource policy refuses to somebody who is
// not authenticated, as an Envoy format.
func (c *stageCompiler) policyMessage(p *addressPolicy) string {
	below := `%CEL(re.extract(request.url_path, ` + celString(`^`+regexp.QuoteMeta(c.base)+`/*(.*)$`) + `, ` + celString(`\1`) + `))%`
	arn := p.identity.MethodARN(c.stage.Name, "%REQ(:METHOD)%", below)
	text := iampolicy.DenialText("anonymous", iampolicy.Invoke, arn, iampolicy.ImplicitDeny)
	return text + `%CEL(response.code_details.contains(` + celString(refusedByPolicy) + `) ? ' with an explicit deny' : '')%`
}
