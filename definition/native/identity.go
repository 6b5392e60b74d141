package native

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/gateway/jwks"
)

// parseAPIKey reads a key with its value, or with two while it is being replaced.
func parseAPIKey(v source.Value) gateway.APIKey {
	o := v.Object()
	k := gateway.APIKey{
		Name:     o.RequireText("name"),
		Disabled: !o.Get("enabled").Bool(true),
		Labels:   o.Get("labels").StringMap(),
		Plans:    o.Get("plans").Texts(),
		Source:   v.Pos(),
	}
	one, several := o.Get("value"), o.Get("values")
	switch {
	case one.Exists() && several.Exists():
		several.Errorf("conflicting-keys", "move it into values", "value and values exclude each other")
	case several.Exists():
		list := several.List()
		if several.IsList() && (len(list) == 0 || len(list) > 2) {
			several.Errorf("out-of-range", "", "an API key has one value, or two while it is being replaced; here are %d", len(list))
		}
		for _, value := range list {
			k.Values = append(k.Values, apiKeyValue(value))
		}
	default:
		if value := o.Require("value"); !value.IsNull() {
			k.Values = []gateway.Secret{apiKeyValue(value)}
		}
	}
	o.Done()
	return k
}

// apiKeyValue checks a value against AWS's bounds, without showing it.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
func apiKeyValue(v source.Value) gateway.Secret {
	if v.IsNull() {
		v.NonEmpty() // an item of a list must be something
		return ""
	}
	secret := v.Secret()
	n := len(secret.Reveal())
	switch {
	case n == 0: // absent, or reported already
	case n < 20 || n > 128:
		v.Errorf("out-of-range", "openssl rand -hex 20 makes one", "the value of an API key has 20 to 128 characters; this one has %d", n)
	case strings.ContainsFunc(secret.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		v.Errorf("invalid-value", "", "the value of an API key has a character that no header can carry")
	}
	return secret
}

var userPoolARN = regexp.MustCompile(`^arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$`)

// parseIssuer reads who signs tokens.
func parseIssuer(v source.Value) gateway.Issuer {
	o := v.Object()
	i := gateway.Issuer{URL: o.RequireText("issuer"), CA: pemOf(o.Get("ca")), Source: v.Pos()}
	checkHTTPURL(o.Get("issuer"), i.URL)
	if pool := o.Get("userPool"); pool.Exists() {
		if i.UserPool = pool.NonEmpty(); i.UserPool != "" && !userPoolARN.MatchString(i.UserPool) {
			pool.Errorf("invalid-value", "write arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID", "%s is not the ARN of a user pool", pool.Shown())
		}
	}
	uri, keys := o.Get("jwksUri"), o.Get("jwks")
	switch {
	case uri.Exists() && keys.Exists():
		keys.Errorf("conflicting-keys", "", "jwksUri and jwks exclude each other")
	case uri.Exists():
		i.JWKSURI = uri.NonEmpty()
		checkHTTPURL(uri, i.JWKSURI)
	case keys.IsObject():
		content := keys.FileContent()
		if i.JWKS = string(content); content != nil && i.JWKS == "" {
			keys.Errorf("empty-value", "", "the key set is empty")
		}
	case keys.Exists():
		i.JWKS = keys.NonEmpty()
	}
	if i.JWKS != "" {
		i.JWKS = keySet(keys, i.JWKS)
	}
	if in := o.Get("introspection"); in.Exists() {
		if uri.Exists() || keys.Exists() {
			in.Errorf("conflicting-keys", "with introspection the issuer is asked about its tokens, and needs no keys", "introspection and jwksUri or jwks exclude each other")
		}
		i.Introspection = parseIntrospection(in)
	}
	o.Done()
	return i
}

// maxIntrospectionCache bounds how long a token can be good that was withdrawn.
const maxIntrospectionCache = time.Hour

// parseIntrospection reads where and how an issuer is asked about its tokens.
func parseIntrospection(v source.Value) *gateway.Introspection {
	o := v.Object()
	endpoint := o.Get("endpoint")
	in := &gateway.Introspection{
		ClientID:     o.RequireText("clientId"),
		ClientSecret: o.Require("clientSecret").Secret(),
		Auth:         cmp.Or(o.Get("auth").OneOf(gateway.IntrospectionBasic, gateway.IntrospectionPost), gateway.IntrospectionBasic),
		Source:       v.Pos(),
	}
	if endpoint.Exists() {
		in.Endpoint = endpoint.NonEmpty()
		checkHTTPURL(endpoint, in.Endpoint)
	}
	ttl := o.Get("cacheTTL")
	in.CacheMillis = ttl.Millis(gateway.DefaultIntrospectionCacheMillis, 0)
	if in.CacheMillis > maxIntrospectionCache.Milliseconds() {
		ttl.Errorf("out-of-range", "", "%s is %s, must be at most 1h", ttl.Path(), ttl.Shown())
	}
	o.Done()
	return in
}

// keySet keeps of a written key set what tokens can be verified with: the same that
// is kept of one that is fetched. A private key goes no further than this.
func keySet(v source.Value, text string) string {
	set, err := jwks.Parse([]byte(text))
	if err != nil {
		var reasons []string
		for _, d := range set.Dropped {
			reasons = append(reasons, d.String())
		}
		v.Errorf("invalid-jwks", `write {"keys": [...]} with public keys, as issuers publish it`, "%v", strings.Join(append([]string{err.Error()}, reasons...), "; "))
		return ""
	}
	for _, d := range set.Dropped {
		v.Warnf("unusable-key", "", "left out of the key set: %v", d)
	}
	return set.JSON
}

// checkHTTPURL checks what was read of v; that it is empty has been reported.
func checkHTTPURL(v source.Value, text string) {
	if text == "" {
		return
	}
	rest, ok := strings.CutPrefix(text, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(text, "http://")
	}
	if !ok || rest == "" || strings.HasPrefix(rest, "/") || strings.ContainsAny(text, " \t\"<>\\^`{|}") {
		v.Errorf("invalid-url", "write https://HOST/PATH", "%s is not a URL", v.Shown())
	}
}

// parseFunction reads where a Lambda function can be called.
func parseFunction(v source.Value) gateway.Function {
	o := v.Object()
	f := gateway.Function{Name: o.RequireText("name"), Secret: o.Get("secret").Secret(), Source: v.Pos()}
	url, endpoint := o.Get("url"), o.Get("endpoint")
	switch {
	case url.Exists() && endpoint.Exists():
		endpoint.Errorf("conflicting-keys", "", "url and endpoint exclude each other")
	case url.Exists():
		f.URL = url.NonEmpty()
		checkHTTPURL(url, f.URL)
	case endpoint.Exists():
		f.Endpoint = endpoint.NonEmpty()
		checkHTTPURL(endpoint, f.Endpoint)
	case v.IsObject():
		v.Errorf("missing-key", "url is called with the event, endpoint speaks Lambda's Invoke API", "the function %s has neither url nor endpoint", f.Name)
	}
	if f.Secret != "" && !url.Exists() {
		o.Get("secret").Errorf("no-effect", "", "secret goes with url: an endpoint is signed for with AWS credentials")
	}
	o.Done()
	return f
}

var identityARN = regexp.MustCompile(`^arn:aws[a-z-]*:(iam::[0-9]{12}:(user|role)/[\w+=,.@/-]+|iam::[0-9]{12}:root|sts::[0-9]{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+)$`)

// parseCredential reads an access key of the local credential store.
func parseCredential(v source.Value) gateway.Credential {
	o := v.Object()
	c := gateway.Credential{
		AccessKeyID:     o.RequireText("accessKeyId"),
		SecretAccessKey: o.Require("secretAccessKey").Secret(),
		SessionToken:    o.Get("sessionToken").Secret(),
		UserID:          o.Get("userId").Text(),
		Disabled:        !o.Get("enabled").Bool(true),
		Source:          v.Pos(),
	}
	if c.ARN = o.RequireText("arn"); c.ARN != "" && !identityARN.MatchString(c.ARN) {
		arn := o.Get("arn")
		arn.Errorf("invalid-value", "write arn:aws:iam::ACCOUNT:user/NAME", "%s is not the ARN of a user or role", arn.Shown())
	}
	for _, p := range o.Get("policies").List() {
		c.Policies = append(c.Policies, parsePolicy(p))
	}
	o.Done()
	return c
}

// parsePolicy reads an IAM policy, written in place or in a JSON file. ${…} in it is
// a policy variable, never the environment's.
func parsePolicy(v source.Value) gateway.Policy {
	p := gateway.Policy{Source: v.Pos()}
	switch o := v.Object(); {
	case !v.IsObject():
		if v.IsNull() {
			v.Errorf("wrong-type", "", "%s must be a policy, not nothing", v.Path())
		}
	case o.Has("file"):
		content := v.FileContent()
		if p.JSON = string(content); content != nil && p.JSON == "" {
			v.Errorf("empty-value", "", "the file of %s is empty", v.Path())
		}
	default:
		p.JSON = v.JSON()
	}
	return p
}
