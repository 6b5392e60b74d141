package explain

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
	"gatehouse/gateway/schema"
	"gatehouse/internal/lambdaevent"
)

// checks goes through what a route asks of its callers, in the order in which it is asked;
// false when one of them refuses.
func (ex *offline) checks() bool {
	ex.certificate()
	for _, check := range []func() bool{ex.policy, ex.authorization, ex.apiKey, ex.parametersThere, ex.bodyFits} {
		if !check() {
			return false
		}
	}
	return true
}

// certificate tells of domains whose clients show one. It is asked for before HTTP begins.
func (ex *offline) certificate() {
	for i := range ex.snapshot.Domains {
		d := &ex.snapshot.Domains[i]
		if d.TLS != nil && d.TLS.ClientCA != "" && strings.EqualFold(d.Name, ex.asked.host) {
			ex.add("client certificate", Open, d.Source, "the handshake fails without a certificate of the domain's truststore")
		}
	}
}

func (ex *offline) identity() iampolicy.API {
	return iampolicy.OwnIdentity([]byte(ex.deployment.Policy), iampolicy.API{Region: gateway.DefaultRegion, Account: gateway.DefaultAccountID, ID: ex.API})
}

// policy is the resource policy, as far as it goes by what is asked. With a signature or a
// function, it decides together with them.
func (ex *offline) policy() bool {
	if ex.deployment.Policy == "" {
		return true
	}
	at := ex.deployment.PolicySource
	identity := ex.identity()
	policy, problems := iampolicy.Parse([]byte(ex.deployment.Policy), iampolicy.Options{Kind: iampolicy.ResourcePolicy, API: identity})
	if policy == nil {
		ex.add("resource policy", Failed, at, fmt.Sprintf("the policy cannot be read: %v", problems))
		return false
	}
	if !ex.asked.source.IsValid() {
		ex.add("resource policy", Open, at, "the API has a resource policy; give the client's address to have it looked at")
		return true
	}
	decision := policy.Evaluate(&iampolicy.Request{
		Action: iampolicy.Invoke, Resource: identity.MethodARN(ex.Stage, ex.asked.method, ex.below()), Time: time.Now(),
		SourceIP: ex.asked.source, UserAgent: ex.asked.header.Get("User-Agent"), Referer: ex.asked.header.Get("Referer"),
	})
	kind := iampolicy.Open
	if ex.of.Authorization != nil {
		switch ex.of.Authorization.Type {
		case gateway.AuthorizationIAM:
			kind = iampolicy.SameAccount
		case gateway.AuthorizationLambda:
			kind = iampolicy.LambdaAuthorizer
		case gateway.AuthorizationUserPool:
			kind = iampolicy.UserPool
		}
	}
	outcome := iampolicy.Combine(kind, &decision, iampolicy.Decision{Statement: -1})
	text := fmt.Sprintf("the resource policy, asked about %s from %s, says: %s", identity.MethodARN(ex.Stage, ex.asked.method, ex.below()), ex.asked.source, decision)
	switch {
	case outcome == iampolicy.Allowed:
		ex.add("resource policy", Passed, at, text)
	case outcome == iampolicy.ImplicitDeny && (kind == iampolicy.SameAccount || kind == iampolicy.LambdaAuthorizer):
		ex.add("resource policy", Open, at, text+"; the "+map[bool]string{true: "caller's own policies", false: "authorizer's policy"}[kind == iampolicy.SameAccount]+" may allow it")
	default:
		message := iampolicy.DenialText("", iampolicy.Invoke, identity.MethodARN(ex.Stage, ex.asked.method, ex.below()), outcome)
		ex.refuse("resource policy", at, gateway.AccessDenied, message, text)
		return false
	}
	return true
}

// authorization is the route's authorizer, or the signature that it asks for.
func (ex *offline) authorization() bool {
	asked := ex.of.Authorization
	if asked == nil {
		ex.add("authorization", Passed, ex.of.Source, "the route asks for none")
		return true
	}
	switch asked.Type {
	case gateway.AuthorizationIAM:
		return ex.signature(asked)
	}
	a := ex.deployment.Authorizer(asked.Authorizer)
	if a == nil {
		ex.add("authorization", Open, asked.Source, "the authorizer "+asked.Authorizer+" is not in the definitions")
		return true
	}
	if asked.Type == gateway.AuthorizationLambda {
		return ex.functionAuthorizer(a)
	}
	return ex.token(asked, a)
}

func (ex *offline) signature(asked *gateway.Authorization) bool {
	header := ex.asked.header.Get("Authorization")
	signed := strings.HasPrefix(header, "AWS4-HMAC-SHA256") || strings.Contains(ex.asked.query, "X-Amz-Signature=")
	switch {
	case !signed && ex.api.Protocol == gateway.HTTP:
		ex.refuse("signature", asked.Source, gateway.AccessDenied, "", "the route asks for a request that is signed (AWS_IAM), and this is not")
		return false
	case !signed:
		ex.refuse("signature", asked.Source, gateway.MissingAuthenticationToken, "", "the route asks for a request that is signed (AWS_IAM), and this is not")
		return false
	}
	ex.add("signature", Open, asked.Source, "the signature is verified, and the caller's policies are asked for execute-api:Invoke; 403 where one of them says no")
	return true
}

// functionAuthorizer is a Lambda authorizer. What it answers is not known, only whether it
// is asked.
func (ex *offline) functionAuthorizer(a *gateway.Authorizer) bool {
	var missing []string
	first := ""
	for _, source := range a.IdentitySources {
		values := ex.valuesOf(source)
		switch {
		case values == nil:
			// It is of the context, which only a request has.
		case len(values) == 0 || values[0] == "":
			missing = append(missing, source)
		case first == "":
			first = values[0]
		}
	}
	unauthorized := func(text string) bool {
		ex.refuse("authorizer", a.Source, gateway.Unauthorized, "", text)
		return false
	}
	if len(missing) > 0 {
		return unauthorized(fmt.Sprintf("the authorizer %s is not asked, as the request lacks %s", a.Name, strings.Join(missing, ", ")))
	}
	if a.ValidationExpression != "" && first != "" {
		if re, err := regexp.Compile("^(?:" + a.ValidationExpression + ")$"); err == nil && !re.MatchString(first) {
			return unauthorized(fmt.Sprintf("the authorizer %s is not asked, as its identityValidationExpression %s does not match", a.Name, a.ValidationExpression))
		}
	}
	ex.add("authorizer", Open, a.Source, fmt.Sprintf("the function of the authorizer %s decides, or what it said before is taken; 403 where it says no, 401 where it says Unauthorized, 500 where it fails", a.Name))
	return true
}

// valuesOf are the values of an identity source; nil where they are not known here.
func (ex *offline) valuesOf(source string) []string {
	for _, prefix := range []string{"method.request.header.", "method.request.multivalueheader.", "route.request.header.", "$request.header."} {
		if name, ok := strings.CutPrefix(source, prefix); ok {
			return append([]string{}, ex.asked.header.Values(name)...)
		}
	}
	for _, prefix := range []string{"method.request.querystring.", "method.request.multivaluequerystring.", "route.request.querystring.", "$request.querystring."} {
		if name, ok := strings.CutPrefix(source, prefix); ok {
			return append([]string{}, ex.queryValues(name)...)
		}
	}
	for _, prefix := range []string{"stageVariables.", "$stageVariables."} {
		if name, ok := strings.CutPrefix(source, prefix); ok {
			return []string{ex.variables[name]}
		}
	}
	return nil
}

// queryValues are the values of a query parameter, in order.
func (ex *offline) queryValues(name string) (values []string) {
	for _, f := range lambdaevent.Query(ex.asked.query, ex.api.Protocol == gateway.REST) {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return values
}

// token is about JWT authorizers and user pools. What stands in a token can be read without
// its issuer's keys, and be wrong.
func (ex *offline) token(asked *gateway.Authorization, a *gateway.Authorizer) bool {
	source := "$request.header.Authorization"
	if len(a.IdentitySources) > 0 {
		source = a.IdentitySources[0]
	}
	unauthorized := func(text string) bool {
		ex.refuse("token", a.Source, gateway.Unauthorized, "", text)
		return false
	}
	values := ex.valuesOf(source)
	if len(values) == 0 || values[0] == "" {
		return unauthorized("the route asks for a token in " + source + ", and there is none")
	}
	issuers, err := ex.snapshot.AuthorizerIssuers(a, ex.variables)
	if err != nil {
		ex.add("token", Open, a.Source, err.Error())
		return true
	}
	text := strings.TrimSpace(values[0])
	if len(text) > 7 && strings.EqualFold(text[:7], "Bearer ") {
		text = strings.TrimSpace(text[7:])
	}
	if ex.snapshot.Introspects(issuers) {
		ex.add("token", Open, a.Source, fmt.Sprintf("%s is asked about the token; 401 where it is not active", strings.Join(issuers, " or ")))
		return true
	}
	claims, err := readClaims(text)
	if err != nil {
		return unauthorized("the token is none: " + err.Error())
	}
	if mistake := wrongTimes(claims, time.Now()); mistake != "" {
		return unauthorized(mistake)
	}
	if iss, _ := claims["iss"].(string); !slices.Contains(issuers, iss) {
		return unauthorized(fmt.Sprintf("the token is of the issuer %q, the authorizer %s takes those of %s", iss, a.Name, strings.Join(issuers, ", ")))
	}
	if a.Type == gateway.JWTAuthorizer && len(a.JWTAudience) > 0 {
		audience := claimTexts(claims["aud"])
		if claims["aud"] == nil {
			audience = claimTexts(claims["client_id"])
		}
		if !slices.ContainsFunc(audience, func(s string) bool { return slices.Contains(a.JWTAudience, s) }) {
			return unauthorized(fmt.Sprintf("the token is for %s, the authorizer %s takes those for %s", quoted(audience), a.Name, strings.Join(a.JWTAudience, ", ")))
		}
	}
	if len(asked.Scopes) > 0 {
		scopes := append(claimTexts(claims["scope"]), claimTexts(claims["scp"])...)
		if !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(asked.Scopes, s) }) {
			t := gateway.AccessDenied
			if ex.api.Protocol == gateway.REST {
				t = gateway.Unauthorized
			}
			ex.refuse("scope", asked.Source, t, "", fmt.Sprintf("the token has the scopes %s, the route asks for one of %s", quoted(scopes), strings.Join(asked.Scopes, ", ")))
			return false
		}
	}
	ex.add("token", Open, a.Source, fmt.Sprintf("what the token says is as the authorizer %s wants it; 401 where its signature is not by a key of %s", a.Name, strings.Join(issuers, ", ")))
	return true
}

func quoted(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	return fmt.Sprintf("%q", texts)
}

// readClaims reads what a token says, and verifies nothing.
func readClaims(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("it has %d parts, not 3", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, fmt.Errorf("its second part is not base64url")
	}
	var claims map[string]any
	if json.Unmarshal(text, &claims) != nil {
		return nil, fmt.Errorf("its second part is no JSON object")
	}
	return claims, nil
}

// clockSkew is what issuers' clocks may be wrong by.
const clockSkew = 5 * time.Second

func wrongTimes(claims map[string]any, now time.Time) string {
	at := func(name string) (time.Time, bool) {
		seconds, ok := claims[name].(float64)
		return time.Unix(int64(seconds), 0).UTC(), ok
	}
	switch t, ok := at("exp"); {
	case !ok:
		return "the token does not say when it expires (exp)"
	case now.After(t.Add(clockSkew)):
		return "the token has expired at " + t.Format(time.RFC3339)
	}
	if t, ok := at("nbf"); ok && now.Add(clockSkew).Before(t) {
		return "the token is not to be taken before " + t.Format(time.RFC3339)
	}
	return ""
}

// claimTexts are the texts of a claim: a list, or words with spaces between.
func claimTexts(claim any) (texts []string) {
	switch value := claim.(type) {
	case string:
		return strings.Fields(value)
	case []any:
		for _, item := range value {
			if s, ok := item.(string); ok {
				texts = append(texts, s)
			}
		}
	}
	return texts
}

// apiKey is whether the route asks for a key, whose it is, and whether a plan lets it in.
func (ex *offline) apiKey() bool {
	if !ex.of.APIKeyRequired {
		return true
	}
	at := ex.of.APIKeySource
	forbidden := func(text string) bool {
		ex.refuse("API key", at, gateway.InvalidAPIKey, "", text)
		return false
	}
	plans := ex.plansOfStage()
	if ex.deployment.APIKeySource == gateway.APIKeyFromAuthorizer {
		ex.add("API key", Open, at, "the authorizer names the key; it must be in one of the usage plans of the stage: "+strings.Join(plans, ", "))
		return true
	}
	value := ex.asked.header.Get("X-Api-Key")
	if value == "" {
		return forbidden("the route asks for an API key in the header x-api-key, and there is none")
	}
	if !slices.ContainsFunc(ex.snapshot.APIKeys, func(k gateway.APIKey) bool { return slices.ContainsFunc(k.Values, known) }) && len(ex.snapshot.APIKeys) > 0 {
		ex.add("API key", Open, at, "whose key it is, only the gateway knows; it must be in one of the usage plans of the stage: "+strings.Join(plans, ", "))
		return true
	}
	for i := range ex.snapshot.APIKeys {
		key := &ex.snapshot.APIKeys[i]
		if !slices.Contains(key.Values, gateway.Secret(value)) {
			continue
		}
		if key.Disabled {
			return forbidden("it is a value of the key " + key.Name + ", which is disabled")
		}
		access := ex.snapshot.KeyAccess()
		if !access.Admits(access.Key(key.Name), ex.API, ex.Stage) {
			return forbidden(fmt.Sprintf("it is a value of the key %s, which is in no usage plan that has the stage (%s)", key.Name, orNone(plans)))
		}
		ex.key = key.Name
		ex.add("API key", Passed, key.Source, fmt.Sprintf("it is a value of the key %s, in the usage plan %s", key.Name, strings.Join(ex.plansOf(key.Name), ", ")))
		return true
	}
	return forbidden("there is no API key of that value")
}

// known tells a value from one that a server has kept to itself.
func known(value gateway.Secret) bool { return value.Reveal() != value.String() }

func orNone(texts []string) string {
	if len(texts) == 0 {
		return "none has it"
	}
	return strings.Join(texts, ", ") + " have it"
}

// plansOfStage are the names of the usage plans that have the stage.
func (ex *offline) plansOfStage() (names []string) {
	for i := range ex.snapshot.UsagePlans {
		if p := &ex.snapshot.UsagePlans[i]; p.Stage(ex.API, ex.Stage) != nil {
			names = append(names, p.Name)
		}
	}
	return names
}

// plansOf are those of them that a key is in.
func (ex *offline) plansOf(key string) (names []string) {
	for i := range ex.snapshot.UsagePlans {
		p := &ex.snapshot.UsagePlans[i]
		if p.Stage(ex.API, ex.Stage) != nil && slices.Contains(ex.snapshot.PlanKeys(p), key) {
			names = append(names, p.Name)
		}
	}
	return names
}

// parametersThere is about the parameters that the method's validator checks: Envoy has a
// route of its own for requests that lack one.
func (ex *offline) parametersThere() bool {
	v := ex.deployment.RequestValidator(ex.of.RequestValidator)
	if ex.api.Protocol != gateway.REST || v == nil || !v.ValidateParameters {
		return true
	}
	var missing []string
	for _, p := range ex.of.Parameters {
		if !p.Required || p.In == "path" {
			continue
		}
		values := ex.asked.header.Values(p.Name)
		if p.In == "querystring" {
			values = ex.queryValues(p.Name)
		}
		if !slices.ContainsFunc(values, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			missing = append(missing, p.Name)
		}
	}
	refusing := ex.route.GetDirectResponse() != nil && ex.of.Integration != nil && ex.of.Integration.Type != gateway.IntegrationMock
	if len(missing) > 0 || refusing && ex.route.GetDirectResponse().GetStatus() == 400 {
		slices.Sort(missing)
		ex.refuse("parameters", v.Source, gateway.BadRequestParameters, fmt.Sprintf("Missing required request parameters: [%s]", strings.Join(missing, ", ")),
			"the method's validator asks for parameters that are missing: "+strings.Join(missing, ", "))
		return false
	}
	ex.add("parameters", Passed, v.Source, "all parameters that the validator "+v.Name+" asks for are there")
	return true
}

// bodyFits holds the body to the model of its type.
func (ex *offline) bodyFits() bool {
	models := ex.deployment.BodyModels(ex.of)
	if models == nil {
		return true
	}
	at := ex.of.Source
	if v := ex.deployment.RequestValidator(ex.of.RequestValidator); v != nil {
		at = v.Source
	}
	contentType, _, _ := strings.Cut(ex.asked.header.Get("Content-Type"), ";")
	if contentType = strings.ToLower(strings.TrimSpace(contentType)); contentType == "" {
		contentType = "application/json"
	}
	name := models[contentType]
	if name == "" {
		ex.add("body", Passed, at, "there is no model for bodies of the type "+contentType)
		return true
	}
	if ex.body == nil {
		ex.add("body", Open, at, fmt.Sprintf("the body must be as the model %s says; else 400", name))
		return true
	}
	compiled, problems := schema.NewSet(ex.deployment.Models).Compile(name)
	if compiled == nil {
		ex.add("body", Open, at, fmt.Sprintf("the model %s cannot be read: %v", name, problems))
		return true
	}
	if failure := compiled.Check(ex.body); failure != nil {
		ex.refuse("body", at, gateway.BadRequestBody, "", fmt.Sprintf("the body is not as the model %s says: %s", name, failure.Detail))
		return false
	}
	ex.add("body", Passed, at, "the body is as the model "+name+" says")
	return true
}
