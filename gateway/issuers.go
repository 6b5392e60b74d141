package gateway

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Types of authorizers that check tokens by the keys of their issuer.
const (
	JWTAuthorizer     = "JWT"
	CognitoAuthorizer = "COGNITO_USER_POOLS"
)

// ChecksTokens reports whether the authorizer goes by an issuer's keys.
func (a *Authorizer) ChecksTokens() bool {
	return a.Type == JWTAuthorizer || a.Type == CognitoAuthorizer
}

// AuthorizerIssuers gives the issuers whose tokens an authorizer takes, in the order
// in which it names them, with a stage's variables. Authorizers of other types have
// none. On an error, the issuers that can be told are returned all the same.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/aws-api-gateway-stage-variables-reference.html
func (s *Snapshot) AuthorizerIssuers(a *Authorizer, variables map[string]string) ([]string, error) {
	var named []string
	switch a.Type {
	case JWTAuthorizer:
		named = []string{a.JWTIssuer}
	case CognitoAuthorizer:
		named = a.ProviderARNs
	}
	var issuers, missing, wrong []string
	for _, text := range named {
		name, unset := ResolveStageVariables(text, variables)
		if len(unset) > 0 {
			missing = append(missing, unset...)
			continue
		}
		var err error
		if a.Type == CognitoAuthorizer {
			name, err = s.userPoolIssuer(name)
		} else {
			err = checkIssuerURL(name)
		}
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		if !slices.Contains(issuers, name) {
			issuers = append(issuers, name)
		}
	}
	switch {
	case len(missing) > 0:
		slices.Sort(missing)
		return issuers, &UnsetVariablesError{slices.Compact(missing)}
	case len(wrong) > 0:
		return issuers, fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	return issuers, nil
}

// UnsetVariablesError names stage variables that are needed and have no value.
type UnsetVariablesError struct{ Names []string }

func (e *UnsetVariablesError) Error() string {
	return "no value for the stage variable " + strings.Join(e.Names, ", ")
}

var userPoolARN = regexp.MustCompile(`^arn:(aws[a-z-]*):cognito-idp:([a-z0-9-]{1,40}):[0-9]{12}:userpool/([A-Za-z0-9_-]{1,55})$`)

// userPoolIssuer gives the iss claim of a user pool's tokens: what the snapshot says
// of the pool, else what AWS writes.
func (s *Snapshot) userPoolIssuer(arn string) (string, error) {
	for i := range s.Issuers {
		if s.Issuers[i].UserPool == arn {
			return s.Issuers[i].URL, nil
		}
	}
	m := userPoolARN.FindStringSubmatch(arn)
	if m == nil {
		return "", fmt.Errorf("%q is not the ARN of a user pool, arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID", arn)
	}
	suffix := "amazonaws.com"
	if m[1] == "aws-cn" {
		suffix = "amazonaws.com.cn"
	}
	return fmt.Sprintf("https://cognito-idp.%s.%s/%s", m[2], suffix, m[3]), nil
}

// checkIssuerURL holds a URL against what an issuer or its key set may have.
// See https://openid.net/specs/openid-connect-core-1_0.html#IssuerIdentifier
func checkIssuerURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q is not a URL of an issuer, https://HOST/PATH", withoutUserInfo(text))
	case u.User != nil:
		return fmt.Errorf("the issuer %q has a user in its URL", u.Redacted())
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return fmt.Errorf("the issuer %q has a query or a fragment, which issuers have not", text)
	}
	return nil
}

// withoutUserInfo hides what may be a password in a text that is not even a URL.
func withoutUserInfo(text string) string {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

// IssuerUse is an issuer that tokens are taken of.
type IssuerUse struct {
	// Issuer is that of Snapshot.Issuers with this URL, else one that is no more
	// than its URL, and its user pool if it stands for one.
	Issuer Issuer
	// Authorizers are where those are that take its tokens, each once.
	Authorizers []Position
}

// IssuerUses lists the issuers that the snapshot's routes take tokens of, at any
// stage or canary, in the order of their URLs. The diagnostics tell of authorizers
// whose issuers cannot be told, and are errors.
func (s *Snapshot) IssuerUses() ([]IssuerUse, Diagnostics) {
	c := issuerCollection{snapshot: s, byURL: map[string]*IssuerUse{}}
	for i := range s.APIs {
		for j := range s.APIs[i].Stages {
			stage := &s.APIs[i].Stages[j]
			c.add(&s.APIs[i], stage, stage.Deployment, stage.Variables)
			if stage.Canary != nil {
				c.add(&s.APIs[i], stage, cmp.Or(stage.Canary.Deployment, stage.Deployment), stage.CanaryVariables())
			}
		}
	}
	uses := make([]IssuerUse, 0, len(c.byURL))
	for _, use := range c.byURL {
		slices.SortFunc(use.Authorizers, comparePositions)
		use.Authorizers = slices.Compact(use.Authorizers)
		uses = append(uses, *use)
	}
	slices.SortFunc(uses, func(a, b IssuerUse) int { return strings.Compare(a.Issuer.URL, b.Issuer.URL) })
	c.found.Sort()
	return uses, c.found
}

func comparePositions(a, b Position) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

type issuerCollection struct {
	snapshot *Snapshot
	byURL    map[string]*IssuerUse
	found    Diagnostics
}

// add collects the issuers of a deployment, as it is served with some variables.
func (c *issuerCollection) add(api *API, stage *Stage, d *Deployment, variables map[string]string) {
	if d == nil {
		return
	}
	used := map[string]bool{}
	for i := range d.Routes {
		if auth := d.Routes[i].Authorization; auth != nil {
			used[auth.Authorizer] = true
		}
	}
	for i := range d.Authorizers {
		a := &d.Authorizers[i]
		if !used[a.Name] || !a.ChecksTokens() {
			continue
		}
		issuers, err := c.snapshot.AuthorizerIssuers(a, variables)
		c.report(api, stage, a, err)
		for _, issuer := range issuers {
			use := c.byURL[issuer]
			if use == nil {
				use = &IssuerUse{Issuer: c.issuer(issuer, a, variables)}
				c.byURL[issuer] = use
			}
			use.Authorizers = append(use.Authorizers, a.Source)
		}
	}
}

func (c *issuerCollection) report(api *API, stage *Stage, a *Authorizer, err error) {
	switch unset, ok := err.(*UnsetVariablesError); {
	case err == nil:
	case ok:
		c.found.Errorf("unset-stage-variable", a.Source, "", "add it to the variables of stage "+stage.Name,
			"the stage %s/%s has no variable %s, which the authorizer %s uses", api.ID, stage.Name, strings.Join(unset.Names, ", "), a.Name)
	default:
		c.found.Errorf("invalid-issuer", a.Source, "", "", "the authorizer %s of stage %s/%s: %v", a.Name, api.ID, stage.Name, err)
	}
}

// issuer gives what is known of an issuer.
func (c *issuerCollection) issuer(issuer string, a *Authorizer, variables map[string]string) Issuer {
	if known := c.snapshot.Issuer(issuer); known != nil {
		return *known
	}
	made := Issuer{URL: issuer, Source: a.Source}
	for _, arn := range a.ProviderARNs {
		resolved, _ := ResolveStageVariables(arn, variables)
		if of, err := c.snapshot.userPoolIssuer(resolved); err == nil && of == issuer {
			made.UserPool = resolved
		}
	}
	return made
}
