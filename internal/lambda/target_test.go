package lambda_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/lambda"
)

const arn = "arn:aws:lambda:eu-west-1:111122223333:function:auth"

func invocation(function string) string {
	return "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + function + "/invocations"
}

func TestFind(t *testing.T) {
	functions := []gateway.Function{
		{Name: "auth", Endpoint: "http://by-name"},
		{Name: "auth:live", Endpoint: "http://by-name-live"},
		{Name: "arn:aws:lambda:eu-west-1:111122223333:function:exact", Endpoint: "http://by-arn"},
		{Name: "exact", Endpoint: "http://by-other-name"},
		{Name: "exact:live", Endpoint: "http://by-other-name-live"},
		{Name: "arn:aws:lambda:eu-west-1:111122223333:function:exact:live", URL: "http://by-arn-live/", Secret: "s"},
		{Name: "hook", URL: "http://hook/", Secret: "s"},
	}
	aws := lambda.Target{Name: "far", ARN: strings.Replace(arn, ":auth", ":far", 1), Region: "eu-west-1"}
	live := aws
	live.Qualifier = "live"
	at := func(t lambda.Target, endpoint string) lambda.Target { t.Endpoint = endpoint; return t }
	auth := lambda.Target{Name: "auth", ARN: arn, Region: "eu-west-1"}
	exact := lambda.Target{Name: "exact", ARN: strings.Replace(arn, ":auth", ":exact", 1), Region: "eu-west-1"}
	for uri, want := range map[string]lambda.Target{
		"https://example.com/auth?x=1": {URL: "https://example.com/auth?x=1"},
		aws.ARN:                        aws,
		invocation(aws.ARN):            aws,
		invocation(aws.ARN + ":live"):  live,
		arn:                            at(auth, "http://by-name"),
		invocation(arn):                at(auth, "http://by-name"),
		invocation("auth"):             {Name: "auth", Endpoint: "http://by-name"},
		"auth":                         {Name: "auth", Endpoint: "http://by-name"},
		"auth:live":                    {Name: "auth", Qualifier: "live", Endpoint: "http://by-name-live"},
		"auth:7":                       {Name: "auth", Qualifier: "7", Endpoint: "http://by-name"},
		exact.ARN:                      at(exact, "http://by-arn"),
		strings.Replace(exact.ARN, "1111", "2", 1): {},
		"exact":                    {Name: "exact", Endpoint: "http://by-other-name"},
		"exact:live":               {Name: "exact", Qualifier: "live", Endpoint: "http://by-other-name-live"},
		exact.ARN + ":live":        {Name: "exact", ARN: exact.ARN, Region: "eu-west-1", Qualifier: "live", URL: "http://by-arn-live/", Secret: "s"},
		invocation("hook:$LATEST"): {Name: "hook", Qualifier: "$LATEST", URL: "http://hook/", Secret: "s"},
		"arn:aws:sqs:eu-west-1:111122223333:queue":                                                                           {},
		"arn:aws:apigateway:eu-west-1:lambda:path/2014-11-13/functions/auth/invocations":                                     {},
		"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions//auth//invocations":                                   {},
		invocation("http://127.0.0.1:9000/orders?x=1"):                                                                       {URL: "http://127.0.0.1:9000/orders?x=1"},
		"arn:aws:apigateway:eu-west-1:lambda:path/2021-11-15/functions/" + live.ARN + ":live/response-streaming-invocations": live,
		"arn:aws:apigateway:eu-west-1:lambda:path/2021-11-15/functions/auth/invocations":                                     {},
		invocation("http://"):  {},
		"https://":             {},
		"ftp://host/":          {},
		"":                     {},
		"auth/../evil":         {},
		arn + ":a:b":           {},
		invocation(arn) + "?x": {},
	} {
		got, err := lambda.Find(uri, functions)
		if want == (lambda.Target{}) {
			if err == nil {
				t.Errorf("%q: %+v, want an error", uri, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q: %+v %v, want %+v", uri, got, err, want)
		}
	}
	if _, err := lambda.Find("nobody", functions); !errors.Is(err, lambda.ErrUnknown) {
		t.Errorf("a name that nothing knows: %v", err)
	}
}

func TestTargetsHideSecrets(t *testing.T) {
	for _, target := range []lambda.Target{
		{URL: "https://user:hidden@host/path?key=hidden#hidden", Secret: "hidden"},
		{URL: "http://[bad?hidden"},
	} {
		if text := target.String(); strings.Contains(text, "hidden") {
			t.Error(text)
		}
	}
	for target, want := range map[lambda.Target]string{
		{Name: "a"}:                                 "a",
		{Name: "a", Qualifier: "b"}:                 "a:b",
		{Name: "a", ARN: arn}:                       arn,
		{Name: "a", ARN: arn, Qualifier: "$LATEST"}: arn + ":$LATEST",
	} {
		if target.String() != want {
			t.Errorf("%s, want %s", target, want)
		}
	}
}
