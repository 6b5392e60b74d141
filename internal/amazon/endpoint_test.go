package amazon_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/amazon"
	"gatehouse/internal/pytools"
)

// without takes what the machine knows of AWS away.
func without(t *testing.T) {
	for _, name := range []string{
		"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SECRETS_MANAGER",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/credentials")
}

// found is where a service is found, and what it is signed for.
func found(t *testing.T, p amazon.Place) (base, scope string) {
	t.Helper()
	s, err := amazon.New(http.DefaultTransport).Service(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.Base+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(t.Context(), r, strings.Repeat("0", 64)); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(r.Header.Get("Authorization"), "/")
	return s.Base, parts[2] + "/" + parts[3]
}

// TestEndpoints holds hosts and regions to those of AWS's own botocore.
func TestEndpoints(t *testing.T) {
	listed, err := pytools.Command(t, nil, "testdata/endpoints.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(listed)), "\n")
	if len(lines) < 100 {
		t.Fatalf("botocore tells %d endpoints only", len(lines))
	}
	for _, line := range lines {
		f := strings.Fields(line)
		without(t)
		t.Setenv("AWS_USE_FIPS_ENDPOINT", map[bool]string{true: "true", false: "false"}[f[2] == "f"])
		t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", map[bool]string{true: "true", false: "false"}[f[2] == "d"])
		base, scope := found(t, amazon.Place{Name: f[0], Region: f[1]})
		known, _ := amazon.Find(f[0])
		if base != f[3] || scope != f[4]+"/"+known.SigningName {
			t.Errorf("%s %s %s: %s, signed for %s; botocore has %s in %s", f[0], f[1], f[2], base, scope, f[3], f[4])
		}
	}
}

// TestConfiguredEndpoints: the environment may say where services are.
// See https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func TestConfiguredEndpoints(t *testing.T) {
	const all, own = "http://all.localhost:1", "http://own.localhost:2/base/"
	for name, c := range map[string]struct {
		place       amazon.Place
		environment map[string]string
		base, host  string
		amazon      bool
	}{
		"none":                       {amazon.Place{Name: "sqs"}, nil, "https://sqs.us-east-1.amazonaws.com", "", true},
		"for all":                    {amazon.Place{Name: "sqs"}, map[string]string{"AWS_ENDPOINT_URL": all}, all, "", false},
		"for the service":            {amazon.Place{Name: "sqs"}, map[string]string{"AWS_ENDPOINT_URL": all, "AWS_ENDPOINT_URL_SQS": own}, "http://own.localhost:2/base", "", false},
		"for another service":        {amazon.Place{Name: "sns"}, map[string]string{"AWS_ENDPOINT_URL_SQS": own}, "https://sns.us-east-1.amazonaws.com", "", true},
		"a service of two words":     {amazon.Place{Name: "secretsmanager"}, map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": all}, all, "", false},
		"ignored":                    {amazon.Place{Name: "sqs"}, map[string]string{"AWS_ENDPOINT_URL": all, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://sqs.us-east-1.amazonaws.com", "", true},
		"the place's own":            {amazon.Place{Name: "lambda", Endpoint: own}, map[string]string{"AWS_ENDPOINT_URL": all}, "http://own.localhost:2/base", "", false},
		"Amazon's own":               {amazon.Place{Name: "sqs"}, map[string]string{"AWS_ENDPOINT_URL_SQS": "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"}, "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com", "", true},
		"a subdomain":                {amazon.Place{Name: "s3", Subdomain: "b", Region: "eu-west-1"}, nil, "https://b.s3.eu-west-1.amazonaws.com", "", true},
		"a subdomain elsewhere":      {amazon.Place{Name: "s3", Subdomain: "b"}, map[string]string{"AWS_ENDPOINT_URL": all}, all, "b.all.localhost:1", false},
		"the account's host":         {amazon.Place{Name: "iotdata", Subdomain: "a1-ats", Region: "eu-west-1"}, nil, "https://a1-ats.iot.eu-west-1.amazonaws.com", "", true},
		"the host that waits":        {amazon.Place{Name: "sync-states", Region: "eu-west-1"}, nil, "https://sync-states.eu-west-1.amazonaws.com", "", true},
		"a region of the definition": {amazon.Place{Name: "sqs", Region: "eu-west-3"}, map[string]string{"AWS_REGION": "eu-west-1"}, "https://sqs.eu-west-3.amazonaws.com", "", true},
		"the environment's region":   {amazon.Place{Name: "sqs"}, map[string]string{"AWS_REGION": "eu-west-1"}, "https://sqs.eu-west-1.amazonaws.com", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			without(t)
			for name, value := range c.environment {
				t.Setenv(name, value)
			}
			s, err := amazon.New(http.DefaultTransport).Service(t.Context(), c.place)
			if err != nil || s.Base != c.base || s.Host != c.host || s.Amazon != c.amazon {
				t.Errorf("%+v %v", s, err)
			}
		})
	}
	for name, bad := range map[string]map[string]string{
		"a region that is none":    {"AWS_REGION": "evil.example/"},
		"an endpoint that is none": {"AWS_ENDPOINT_URL": "ftp://user:hidden@host"},
		"an endpoint with a query": {"AWS_ENDPOINT_URL": "http://host/?password=hidden"},
	} {
		without(t)
		for name, value := range bad {
			t.Setenv(name, value)
		}
		s, err := amazon.New(http.DefaultTransport).Service(t.Context(), amazon.Place{Name: "sqs"})
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
}

// TestSharedServices: what is known of a place is found out once.
func TestSharedServices(t *testing.T) {
	without(t)
	c := amazon.New(http.DefaultTransport)
	first, err := c.Service(t.Context(), amazon.Place{Name: "sqs"})
	if err != nil {
		t.Fatal(err)
	}
	if second, err := c.Service(t.Context(), amazon.Place{Name: "sqs"}); err != nil || second != first {
		t.Errorf("found anew: %v", err)
	}
}
