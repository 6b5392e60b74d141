package translator

import (
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	"google.golang.org/protobuf/proto"
)

// The rbac filter refuses with the name of the policy that matched, in the response
// code details: that tells refusals apart (localreply.go). Policies are tried in the
// order of their names.
const (
	refusedServerName = "0-server-name"
	refusedTokenForm  = "0-token-form"
	refusedAudience   = "1-token-audience"
	refusedPoolClaims = "2-pool-claims"
	refusedPoolScope  = "3-pool-scope"
	refusedScope      = "4-token-scope"
	refusedByPolicy   = "resource-policy"
	// refusedUnallowed is what a resource policy does not allow.
	refusedUnallowed = "not-allowed"
	// refusedPlan are the details of what refuseOtherPlans refuses.
	refusedPlan = "fault_filter_abort"
	// refusedByAll is Envoy's word where no policy let the request in (letInOnly): there is
	// none of the usage plans that does.
	refusedByAll = "none"
)

type principal = rbacconfigv3.Principal

// refuse is a route's rbac configuration that refuses what any of the principals is.
func refuse(policies map[string]*principal) proto.Message {
	return rulesFor(rbacconfigv3.RBAC_DENY, policies)
}

// letInOnly is a route's rbac configuration that lets in what any of the principals is. The
// name of the first policy that matched is in the request's metadata then, as letInBy says,
// and that of the first of those which are only told, as toldBy says.
func letInOnly(policies, told map[string]*principal) proto.Message {
	config := rulesFor(rbacconfigv3.RBAC_ALLOW, policies)
	if len(told) > 0 {
		config.Rbac.ShadowRules = rules(rbacconfigv3.RBAC_ALLOW, told)
	}
	return config
}

// rulesFor does something with what any of the principals is, whatever it asks for.
func rulesFor(action rbacconfigv3.RBAC_Action, policies map[string]*principal) *rbacv3.RBACPerRoute {
	return &rbacv3.RBACPerRoute{Rbac: &rbacv3.RBAC{Rules: rules(action, policies)}}
}

func rules(action rbacconfigv3.RBAC_Action, policies map[string]*principal) *rbacconfigv3.RBAC {
	rules := &rbacconfigv3.RBAC{Action: action, Policies: map[string]*rbacconfigv3.Policy{}}
	for name, who := range policies {
		rules.Policies[name] = &rbacconfigv3.Policy{Permissions: anyPermission(), Principals: []*principal{who}}
	}
	return rules
}

// letInBy and toldBy are where Envoy has the name of the policy that let a request in, and of
// the one that only tells, in its dynamic metadata: those of the last rbac filter that the
// request has passed.
func letInBy() *metadatav3.MetadataKey { return policyMetadata("enforced_effective_policy_id") }
func toldBy() *metadatav3.MetadataKey  { return policyMetadata("shadow_effective_policy_id") }

func policyMetadata(key string) *metadatav3.MetadataKey {
	return &metadatav3.MetadataKey{Key: "envoy.filters.http.rbac", Path: []*metadatav3.MetadataKey_PathSegment{{
		Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: key},
	}}}
}

func anyPermission() []*rbacconfigv3.Permission {
	return []*rbacconfigv3.Permission{{Rule: &rbacconfigv3.Permission_Any{Any: true}}}
}

func anybody() *principal {
	return &principal{Identifier: &rbacconfigv3.Principal_Any{Any: true}}
}

func not(p *principal) *principal {
	return &principal{Identifier: &rbacconfigv3.Principal_NotId{NotId: p}}
}

func allOf(list ...*principal) *principal {
	return &principal{Identifier: &rbacconfigv3.Principal_AndIds{AndIds: &rbacconfigv3.Principal_Set{Ids: list}}}
}

func oneOf(list ...*principal) *principal {
	return &principal{Identifier: &rbacconfigv3.Principal_OrIds{OrIds: &rbacconfigv3.Principal_Set{Ids: list}}}
}

// metadataIs holds when the dynamic metadata at a path has the value.
func metadataIs(namespace string, value *envoymatcherv3.ValueMatcher, path ...string) *principal {
	m := &envoymatcherv3.MetadataMatcher{Filter: namespace, Value: value}
	for _, key := range path {
		m.Path = append(m.Path, &envoymatcherv3.MetadataMatcher_PathSegment{
			Segment: &envoymatcherv3.MetadataMatcher_PathSegment_Key{Key: key},
		})
	}
	return &principal{Identifier: &rbacconfigv3.Principal_SourcedMetadata{
		SourcedMetadata: &rbacconfigv3.SourcedMetadata{MetadataMatcher: m, MetadataSource: rbacconfigv3.MetadataSource_DYNAMIC},
	}}
}

func present() *envoymatcherv3.ValueMatcher {
	return &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_PresentMatch{PresentMatch: true}}
}

func textValue(m *envoymatcherv3.StringMatcher) *envoymatcherv3.ValueMatcher {
	return &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_StringMatch{StringMatch: m}}
}

func exactText(text string) *envoymatcherv3.StringMatcher {
	return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Exact{Exact: text}}
}

// textOrListHas matches a text that is one of the texts, and a list that has one.
func textOrListHas(texts []string) *envoymatcherv3.ValueMatcher {
	var any []*envoymatcherv3.ValueMatcher
	for _, text := range texts {
		one := textValue(exactText(text))
		any = append(any, one, listHas(one))
	}
	return anyValue(any)
}

// wordsOrListHave matches a text that has one of the words, with spaces between them, and a
// list that has one.
func wordsOrListHave(words []string) *envoymatcherv3.ValueMatcher {
	var any []*envoymatcherv3.ValueMatcher
	for _, word := range words {
		one := textValue(exactText(word))
		any = append(any, one,
			textValue(textPrefix(word+" ")),
			textValue(&envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Suffix{Suffix: " " + word}}),
			textValue(textPart(" "+word+" ")),
			listHas(one))
	}
	return anyValue(any)
}

func listHas(one *envoymatcherv3.ValueMatcher) *envoymatcherv3.ValueMatcher {
	return &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_ListMatch{ListMatch: &envoymatcherv3.ListMatcher{
		MatchPattern: &envoymatcherv3.ListMatcher_OneOf{OneOf: one},
	}}}
}

func anyValue(any []*envoymatcherv3.ValueMatcher) *envoymatcherv3.ValueMatcher {
	return &envoymatcherv3.ValueMatcher{MatchPattern: &envoymatcherv3.ValueMatcher_OrMatch{OrMatch: &envoymatcherv3.OrMatcher{ValueMatchers: any}}}
}

func textPrefix(text string) *envoymatcherv3.StringMatcher {
	return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Prefix{Prefix: text}}
}

func textPart(text string) *envoymatcherv3.StringMatcher {
	return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Contains{Contains: text}}
}

func headerIs(name string, m *envoymatcherv3.StringMatcher) *principal {
	return &principal{Identifier: &rbacconfigv3.Principal_Header{Header: &routev3.HeaderMatcher{
		Name:                 name,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: m},
	}}}
}
