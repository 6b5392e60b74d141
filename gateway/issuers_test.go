package gateway_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

const poolARN = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC"

func TestAuthorizerIssuers(t *testing.T) {
	snapshot := &gateway.Snapshot{Issuers: []gateway.Issuer{
		{URL: "https://login.example.com/"},
		{URL: "http://127.0.0.1:9090/pool", UserPool: poolARN},
	}}
	for _, c := range []struct {
		name       string
		authorizer gateway.Authorizer
		variables  map[string]string
		want       []string
		err        string
	}{
		{
			name:       "JWT, to the letter",
			authorizer: gateway.Authorizer{Type: "JWT", JWTIssuer: "https://login.example.com/"},
			want:       []string{"https://login.example.com/"},
		},
		{
			name:       "JWT by a stage variable",
			authorizer: gateway.Authorizer{Type: "JWT", JWTIssuer: "https://${stageVariables.idp}/x"},
			variables:  map[string]string{"idp": "a.example.com"},
			want:       []string{"https://a.example.com/x"},
		},
		{
			name:       "unset stage variable",
			authorizer: gateway.Authorizer{Type: "JWT", JWTIssuer: "https://${stageVariables.idp}.${stageVariables.tld}"},
			variables:  map[string]string{"tld": "com"},
			err:        "stage variable idp",
		},
		{
			name:       "stage variable makes no URL",
			authorizer: gateway.Authorizer{Type: "JWT", JWTIssuer: "${stageVariables.idp}"},
			variables:  map[string]string{"idp": "login"},
			err:        `"login" is not a URL`,
		},
		{
			name:       "query",
			authorizer: gateway.Authorizer{Type: "JWT", JWTIssuer: "https://a.example.com/?tenant=1"},
			err:        "query",
		},
		{
			name: "user pools: one that stands elsewhere, one of AWS, one twice, one in China",
			authorizer: gateway.Authorizer{Type: "COGNITO_USER_POOLS", ProviderARNs: []string{
				poolARN,
				"arn:aws-us-gov:cognito-idp:us-gov-west-1:123456789012:userpool/us-gov-west-1_x",
				poolARN,
				"arn:aws-cn:cognito-idp:cn-north-1:123456789012:userpool/cn-north-1_y",
			}},
			want: []string{
				"http://127.0.0.1:9090/pool",
				"https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_x",
				"https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_y",
			},
		},
		{
			name:       "user pool by a stage variable",
			authorizer: gateway.Authorizer{Type: "COGNITO_USER_POOLS", ProviderARNs: []string{"arn:aws:cognito-idp:eu-west-1:123456789012:userpool/${stageVariables.pool}"}},
			variables:  map[string]string{"pool": "eu-west-1_AbC"},
			want:       []string{"http://127.0.0.1:9090/pool"},
		},
		{
			name:       "one bad ARN among good ones",
			authorizer: gateway.Authorizer{Type: "COGNITO_USER_POOLS", ProviderARNs: []string{"arn:aws:cognito-idp:eu-west-1:1:userpool/x", poolARN}},
			want:       []string{"http://127.0.0.1:9090/pool"},
			err:        "is not the ARN of a user pool",
		},
		{name: "Lambda", authorizer: gateway.Authorizer{Type: "TOKEN", URI: "arn:aws:…"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := snapshot.AuthorizerIssuers(&c.authorizer, c.variables)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("issuers (-want +got):\n%s", diff)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want one with %q", err, c.err)
			}
		})
	}
}

func TestAuthorizerIssuersHidesPasswords(t *testing.T) {
	for _, issuer := range []string{"https://me:hunter2@example.com", "://me:hunter2@example.com"} {
		_, err := new(gateway.Snapshot).AuthorizerIssuers(&gateway.Authorizer{Type: "JWT", JWTIssuer: issuer}, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error %v", issuer, err)
		}
	}
}

func TestUnsetVariablesAreNamed(t *testing.T) {
	_, err := new(gateway.Snapshot).AuthorizerIssuers(&gateway.Authorizer{Type: "COGNITO_USER_POOLS", ProviderARNs: []string{"${stageVariables.b}", "${stageVariables.a}${stageVariables.b}"}}, nil)
	var unset *gateway.UnsetVariablesError
	if !errors.As(err, &unset) {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, unset.Names); diff != "" {
		t.Error(diff)
	}
}

func at(line int) gateway.Position { return gateway.Position{File: "api.yaml", Line: line, Column: 1} }

// tokenAPI has a stage with a canary; the stage variable idp names the issuer.
func tokenAPI(issuer, canaryIssuer string) *gateway.Snapshot {
	d := &gateway.Deployment{
		Protocol: gateway.REST,
		Routes: []gateway.Route{
			{Method: "GET", Path: "/a", Authorization: &gateway.Authorization{Type: "JWT", Authorizer: "jwt"}},
			{Method: "GET", Path: "/b", Authorization: &gateway.Authorization{Type: "COGNITO_USER_POOLS", Authorizer: "pool"}},
			{Method: "GET", Path: "/c", Authorization: &gateway.Authorization{Type: "AWS_IAM"}},
			{Method: "GET", Path: "/d"},
		},
		Authorizers: []gateway.Authorizer{
			{Name: "unused", Type: "JWT", JWTIssuer: "https://unused.example.com", Source: at(1)},
			{Name: "jwt", Type: "JWT", JWTIssuer: "${stageVariables.idp}", Source: at(2)},
			{Name: "pool", Type: "COGNITO_USER_POOLS", ProviderARNs: []string{poolARN, "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_x"}, Source: at(3)},
		},
	}
	stage := gateway.Stage{Name: "v1", Deployment: d, Variables: map[string]string{"idp": issuer}, Source: at(9)}
	stage.Canary = &gateway.Canary{Percent: 5, Deployment: d, Variables: map[string]string{"idp": canaryIssuer}}
	return &gateway.Snapshot{
		Gateways: []gateway.Gateway{{Name: "edge", Listeners: []gateway.Listener{{Port: 80}}}},
		APIs:     []gateway.API{{ID: "shop", Name: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{stage}}},
		Issuers:  []gateway.Issuer{{URL: "http://pool.internal", UserPool: poolARN, JWKS: `{"keys":[]}`, Source: at(20)}},
	}
}

func TestIssuerUses(t *testing.T) {
	uses, found := tokenAPI("https://a.example.com", "http://canary.example.com").IssuerUses()
	if len(found) > 0 {
		t.Error(found)
	}
	want := []gateway.IssuerUse{
		{Issuer: gateway.Issuer{URL: "http://canary.example.com", Source: at(2)}, Authorizers: []gateway.Position{at(2)}},
		{Issuer: gateway.Issuer{URL: "http://pool.internal", UserPool: poolARN, JWKS: `{"keys":[]}`, Source: at(20)}, Authorizers: []gateway.Position{at(3)}},
		{Issuer: gateway.Issuer{URL: "https://a.example.com", Source: at(2)}, Authorizers: []gateway.Position{at(2)}},
		{
			Issuer: gateway.Issuer{
				URL:      "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_x",
				UserPool: "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_x", Source: at(3),
			},
			Authorizers: []gateway.Position{at(3)},
		},
	}
	if diff := cmp.Diff(want, uses); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
}

func TestValidateIssuers(t *testing.T) {
	diagnostics := func(s *gateway.Snapshot) (out []string) {
		for _, d := range s.Validate() {
			out = append(out, d.Pos.String()+" "+d.Severity.String()+" "+d.Code)
		}
		return out
	}
	t.Run("plain HTTP is warned of", func(t *testing.T) {
		got := diagnostics(tokenAPI("http://127.0.0.1:1", "http://idp.example.com"))
		if diff := cmp.Diff([]string{"api.yaml:2:1 warning insecure-issuer"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("unset variable, and no URL", func(t *testing.T) {
		s := tokenAPI("", "")
		delete(s.APIs[0].Stages[0].Variables, "idp")
		got := diagnostics(s)
		want := []string{"api.yaml:2:1 error invalid-issuer", "api.yaml:2:1 error unset-stage-variable"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("issuers", func(t *testing.T) {
		s := tokenAPI("https://a.example.com", "https://a.example.com")
		s.Issuers = append(s.Issuers,
			gateway.Issuer{URL: "http://pool.internal", Source: at(21)},
			gateway.Issuer{URL: "https://b.example.com", UserPool: poolARN, Source: at(22)},
			gateway.Issuer{URL: "https://b:c@example.com", Source: at(23)},
			gateway.Issuer{URL: "https://c.example.com", JWKSURI: "https://b:c@example.com", Source: at(24)},
		)
		got := diagnostics(s)
		want := []string{
			"api.yaml:21:1 error duplicate-name", "api.yaml:22:1 error duplicate-name",
			"api.yaml:23:1 error invalid-issuer", "api.yaml:24:1 error invalid-issuer",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("introspection", func(t *testing.T) {
		s := tokenAPI("http://idp.example.com", "https://a.example.com")
		in := func(line int, issuer, endpoint string) {
			s.Issuers = append(s.Issuers, gateway.Issuer{URL: issuer, Introspection: &gateway.Introspection{Endpoint: endpoint, ClientSecret: "hidden", Source: at(line)}})
		}
		// Its keys are not needed, so that they are not warned of.
		in(30, "http://idp.example.com", "https://idp.example.com/introspect?tenant=a")
		in(31, "https://a.example.com", "http://a.example.com/introspect")
		in(32, "https://b.example.com", "https://hidden:hidden@b.example.com/introspect")
		in(33, "https://c.example.com", "https://c.example.com/introspect#x")
		in(34, "https://d.example.com", "introspect")
		in(35, "http://localhost", "http://localhost/introspect")
		in(36, "http://localhost:1", "")
		in(37, "https://e.example.com", "")
		in(38, "http://f.example.com", "")
		got := diagnostics(s)
		want := []string{"api.yaml:31:1 warning insecure-issuer", "api.yaml:32:1 error invalid-issuer", "api.yaml:33:1 error invalid-issuer", "api.yaml:34:1 error invalid-issuer", "api.yaml:38:1 warning insecure-issuer"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, d := range s.Validate() {
			if strings.Contains(d.String(), "hidden") {
				t.Errorf("a secret is told: %s", d)
			}
		}
	})
}

func TestIntrospectedIssuer(t *testing.T) {
	s := &gateway.Snapshot{Issuers: []gateway.Issuer{
		{URL: "https://a.example.com", UserPool: poolARN, Introspection: &gateway.Introspection{}}, {URL: "https://b.example.com"},
	}}
	for _, c := range []struct {
		authorizer gateway.Authorizer
		want       string
		several    bool
	}{
		{gateway.Authorizer{Type: "JWT", JWTIssuer: "https://a.example.com"}, "https://a.example.com", false},
		{gateway.Authorizer{Type: "JWT", JWTIssuer: "https://b.example.com"}, "", false},
		{gateway.Authorizer{Type: "JWT", JWTIssuer: "https://a.example.com/"}, "", false},
		{gateway.Authorizer{Type: "JWT", JWTIssuer: "https://${stageVariables.unset}"}, "", false},
		{gateway.Authorizer{Type: "COGNITO_USER_POOLS", ProviderARNs: []string{poolARN}}, "https://a.example.com", false},
		{gateway.Authorizer{Type: "COGNITO_USER_POOLS", ProviderARNs: []string{"arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_x", poolARN}}, "", true},
		{gateway.Authorizer{Type: "TOKEN", JWTIssuer: "https://a.example.com"}, "", false},
	} {
		issuer, err := s.IntrospectedIssuer(&c.authorizer, nil)
		got := ""
		if issuer != nil {
			got = issuer.URL
		}
		if got != c.want || errors.Is(err, gateway.ErrSeveralIssuers) != c.several {
			t.Errorf("%+v: %q, %v", c.authorizer, got, err)
		}
	}
}
