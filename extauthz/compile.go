package extauthz

import (
	"cmp"
	"maps"
	"slices"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
	"gatehouse/gateway/schema"
	"gatehouse/internal/lambdaevent"
)

// Compiled is a snapshot made ready for checks. It is not changed once it is made.
type Compiled struct {
	revision string
	stages   map[stageKey]*stage
	apis     map[string]bool
	keys     *keyStore
	access   *accessStore
	// functions are what the authorizers' URIs were resolved with, and issuers is a hash
	// of what is known of those whose tokens the authorizers take.
	functions []gateway.Function
	issuers   string
}

// Revision is that of the snapshot.
func (c *Compiled) Revision() string { return c.revision }

func (c *Compiled) has(api string) bool { return c != nil && c.apis[api] }

// stageKey names what one stage serves: its own deployment, or that of its canary.
type stageKey struct {
	api, stage string
	canary     bool
}

// stage is the routes of a deployment with the settings of a stage.
type stage struct {
	key       stageKey
	name      string
	protocol  gateway.Protocol
	variables map[string]string
	identity  iampolicy.API
	// home is the API's, which a resource policy may have its own idea of.
	home   gateway.Home
	routes map[string]*route
	// keyFromAuthorizer: API keys come from the authorizer, not from a header.
	keyFromAuthorizer bool
	deployment        *gateway.Deployment
	// mcp tells one MCP endpoint from another; empty for none.
	mcp string
	// found are the problems of the stage, which are to be told again when it is used
	// again.
	found gateway.Diagnostics
}

// route is what has to be checked for a route.
type route struct {
	// key is the route key, and path its second half.
	key, path   string
	resourceID  string
	template    gateway.PathTemplate
	keyRequired bool
	// tokenInEnvoy: there is a token that Envoy has to verify before it asks.
	tokenInEnvoy bool
	// evaluators decide who may call, body whether what he sends is good.
	evaluators, body []evaluator
}

// Compile makes a snapshot ready for a Server, and reports everything that could not be
// decided at run time; nothing is made of one with errors. It is for those who want the diagnostics only; a Server compiles
// with what it serves at hand.
func Compile(snapshot *gateway.Snapshot) (*Compiled, gateway.Diagnostics) {
	return compile(snapshot, nil)
}

// compiler makes a Compiled.
type compiler struct {
	snapshot *gateway.Snapshot
	previous *Compiled
	out      *Compiled
	found    gateway.Diagnostics
	// sameAskees: the authorizers still ask whom they did.
	sameAskees bool
	// policies are those of deployments, which several stages share.
	policies map[policyKey]*iampolicy.Policy
}

func compile(snapshot *gateway.Snapshot, previous *Compiled) (*Compiled, gateway.Diagnostics) {
	c := &compiler{
		snapshot: snapshot, previous: previous,
		out: &Compiled{
			revision: snapshot.Revision(), stages: map[stageKey]*stage{}, apis: map[string]bool{},
			functions: snapshot.Functions, issuers: issuersHash(snapshot),
		},
		policies: map[policyKey]*iampolicy.Policy{},
	}
	c.sameAskees = previous != nil && c.out.issuers == previous.issuers &&
		slices.Equal(withoutPositions(snapshot.Functions), withoutPositions(previous.functions))
	c.accessKeys()
	c.apiKeys()
	for i := range snapshot.APIs {
		api := &snapshot.APIs[i]
		c.out.apis[api.ID] = true
		for j := range api.Stages {
			st := &api.Stages[j]
			c.stage(api, st, st.Deployment, st.Variables, false)
			if st.Canary != nil {
				deployment := st.Canary.Deployment
				if deployment == nil {
					deployment = st.Deployment
				}
				c.stage(api, st, deployment, st.CanaryVariables(), true)
			}
		}
	}
	c.found.Sort()
	if c.found.HasErrors() {
		// A policy that cannot be read must not be taken for one that is not there.
		return nil, c.found
	}
	return c.out, c.found
}

func withoutPositions(functions []gateway.Function) []gateway.Function {
	list := slices.Clone(functions)
	for i := range list {
		list[i].Source = gateway.Position{}
	}
	return list
}

func (c *compiler) stage(api *gateway.API, from *gateway.Stage, deployment *gateway.Deployment, variables map[string]string, canary bool) {
	key := stageKey{api.ID, from.Name, canary}
	if deployment == nil {
		return // Validate reports it.
	}
	if known := c.reusable(key, api, from, deployment, variables); known != nil {
		c.out.stages[key] = known
		c.found = append(c.found, known.found...)
		return
	}
	home := api.Home()
	st := &stage{
		key: key, name: from.Name, protocol: api.Protocol, variables: variables, home: home,
		identity:          iampolicy.OwnIdentity([]byte(deployment.Policy), iampolicy.API{Region: home.Region, Account: home.Account, ID: api.ID}),
		keyFromAuthorizer: deployment.APIKeySource == gateway.APIKeyFromAuthorizer,
		deployment:        deployment,
		mcp:               mcpOf(from),
		routes:            make(map[string]*route, len(deployment.Routes)),
	}
	b := &stageCompiler{compiler: c, stage: st, deployment: deployment, authorizers: map[string]*lambdaAuthorizer{}, tokens: map[string]*introspectedToken{}}
	b.policy()
	for i := range deployment.Routes {
		r := &deployment.Routes[i]
		st.routes[r.Key()] = b.route(r)
	}
	if api.Protocol == gateway.WebSocket {
		st.routes[gateway.ConnectionsRoute] = b.connections()
	}
	if !canary {
		// Validate reports errors.
		if endpoint, err := from.MCPRoute(); err == nil && endpoint != nil {
			st.routes[endpoint.Key()] = b.agents(endpoint)
		}
	}
	c.out.stages[key] = st
	c.found = append(c.found, st.found...)
}

func mcpOf(st *gateway.Stage) string {
	if st.MCP == nil {
		return ""
	}
	return gateway.ContentHash(st.MCP)
}

// reusable finds what was compiled of the same before. A deployment that was read again
// is the same if its hash is, but then its problems may stand on other lines.
func (c *compiler) reusable(key stageKey, api *gateway.API, from *gateway.Stage, deployment *gateway.Deployment, variables map[string]string) *stage {
	if c.previous == nil {
		return nil
	}
	known := c.previous.stages[key]
	if known == nil || known.protocol != api.Protocol || known.home != api.Home() || !maps.Equal(known.variables, variables) || known.mcp != mcpOf(from) {
		return nil
	}
	sameDeployment := known.deployment == deployment ||
		deployment.Hash() != "" && deployment.Hash() == known.deployment.Hash() && len(known.found) == 0
	if !sameDeployment || !c.sameAskees && deployment.Authorizers != nil {
		return nil
	}
	return known
}

// stageCompiler makes one stage.
type stageCompiler struct {
	*compiler
	stage      *stage
	deployment *gateway.Deployment
	// resourcePolicy is nil when there is none, or when it has problems.
	resourcePolicy *iampolicy.Policy
	authorizers    map[string]*lambdaAuthorizer
	// tokens are the authorizers that have introspection, nil for those that have not.
	tokens map[string]*introspectedToken
	// schemas are the models of the deployment, nil while nobody asked for one.
	schemas *schema.Set
}

func (b *stageCompiler) errorf(code string, pos gateway.Position, hint, format string, args ...any) {
	b.stage.found.Errorf(code, pos, "", hint, format, args...)
}

// route puts a route's evaluators together, in Amazon's order.
func (b *stageCompiler) route(r *gateway.Route) *route {
	out := &route{key: r.Key(), path: r.Path, resourceID: lambdaevent.ResourceID(r.Path), keyRequired: r.APIKeyRequired}
	if r.Path != gateway.DefaultRoute && b.stage.protocol != gateway.WebSocket {
		// A path that cannot be read is reported by Validate.
		out.template, _ = gateway.ParsePath(r.Path)
	}
	kind := ""
	if r.Authorization != nil {
		kind = r.Authorization.Type
	}
	switch kind {
	case gateway.AuthorizationLambda:
		b.addPolicy(out, iampolicy.LambdaAuthorizer)
		if a := b.authorizer(r); a != nil {
			out.evaluators = append(out.evaluators, a)
		}
	case gateway.AuthorizationIAM:
		out.evaluators = append(out.evaluators, signature{}, permission{b.resourcePolicy})
		b.checkAccess(r)
	case gateway.CognitoAuthorizer:
		b.addPolicy(out, iampolicy.UserPool)
		b.token(out, r)
	case gateway.JWTAuthorizer:
		b.addPolicy(out, iampolicy.Open)
		b.token(out, r)
	case "":
		b.addPolicy(out, iampolicy.Open)
	default:
		b.errorf("unsupported-authorizer", cmp.Or(r.Authorization.Source, r.Source), "", "%s asks for %s authorization, which would not be enforced", r.Key(), kind)
	}
	// Envoy may look the key up as well, if there are few. Whether it does changes at
	// another moment than what is compiled here, so this does not depend on it.
	if r.APIKeyRequired && b.stage.protocol != gateway.HTTP {
		out.evaluators = append(out.evaluators, apiKey{})
	}
	out.body = b.bodyModels(r)
	return out
}

// agents is the endpoint for agents.
func (b *stageCompiler) agents(r *gateway.Route) *route {
	out := b.route(r)
	if i := slices.Index(out.evaluators, evaluator(signature{})); i >= 0 {
		out.evaluators[i] = signature{message: true}
	}
	return out
}

func (b *stageCompiler) addPolicy(r *route, authorization iampolicy.Authorization) {
	if b.resourcePolicy != nil {
		r.evaluators = append(r.evaluators, resourcePolicy{b.resourcePolicy, authorization})
	}
}
