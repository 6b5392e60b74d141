package integration

import (
	"net/url"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
)

// FuzzServiceURI reads URIs of services, and fills them as requests do: wherever a request
// goes, it is to the service, and its path is the one that is signed.
func FuzzServiceURI(f *testing.F) {
	for _, text := range []string{
		"arn:aws:apigateway:eu-west-1:s3:path/{bucket}/{key}", "arn:aws:apigateway:eu-west-1:sqs:action/SendMessage&QueueUrl={bucket}",
		"arn:aws:apigateway:eu-west-1:runtime.sagemaker:path//endpoints/e?x={key}", "arn:aws-cn:apigateway:cn-north-1:a.b.c:path//",
		"arn:aws:apigateway:eu-west-1:s3:path/%2e%2e/{", "arn:aws:apigateway:::path/", "arn:aws:apigateway:x:@evil:path/a#b",
	} {
		f.Add(text, "a b/../ü", "%2f")
	}
	f.Fuzz(func(t *testing.T, text, bucket, key string) {
		address, err := amazon.ParseURI(text)
		if err != nil {
			return
		}
		out := map[string]string{"bucket": amazon.Encode(bucket), "key": amazon.Encode(key)}
		fill := func(name string) string { return out[name] }
		to := target{gateway.ReplacePlaceholders(address.Path, asItIs, fill), gateway.ReplacePlaceholders(address.Query, asItIs, fill)}
		if address.Action != "" {
			to.path = "/"
		}
		service := &amazon.Service{Base: "https://service.example/base"}
		r, err := service.Request(t.Context(), "POST", to.path, to.query, nil)
		if err != nil {
			t.Fatalf("%s is taken, and its request cannot be made: %v", text, err)
		}
		if r.URL.Host != "service.example" || !strings.HasPrefix(r.URL.EscapedPath(), "/base/") || r.URL.EscapedPath() != "/base"+to.path {
			t.Errorf("%s leads to %s", text, r.URL)
		}
		if strings.ContainsAny(r.URL.RequestURI(), " \r\n#") {
			t.Errorf("%s asks for %q", text, r.URL.RequestURI())
		}
		if !amazon.IsHost(address.Service) || address.Subdomain != "" && !amazon.IsHost(address.Subdomain) {
			t.Errorf("%s is for %q of %q", text, address.Subdomain, address.Service)
		}
	})
}

// FuzzServiceActions calls every action with hostile parameters: a call has a path below the
// service's root, and headers of the action's own.
func FuzzServiceActions(f *testing.F) {
	f.Add("https://sqs.eu-west-1.amazonaws.com/1/q", `{"a":{"DataType":"String","StringValue":"x"}}`, "2026-01-02T03:04:05Z")
	f.Add("http://q/../../x?y#z", `[1]`, "1e400")
	f.Add("https://q/%2e%2e/q", `["a","b"]`, "-1")
	f.Add(".", `null`, "NaN")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for subtype, action := range serviceActions {
			values := map[string]string{}
			for i, name := range append(append([]string{}, action.required...), action.optional...) {
				values[name] = []string{a, b, c}[i%3]
			}
			values["Time"], values["QueueUrl"] = c, a
			call, err := action.call(values)
			if err != nil {
				continue
			}
			if !strings.HasPrefix(call.to.path, "/") || amazon.HasDots(call.to.path) || strings.ContainsAny(call.to.path+call.to.query, " \r\n#?") {
				t.Errorf("%s: %q", subtype, call.to)
			}
			if strings.ContainsAny(call.target+call.contentType+call.method, "\r\n") {
				t.Errorf("%s: %q", subtype, call)
			}
			if call.contentType == "application/x-www-form-urlencoded" {
				if form, err := url.ParseQuery(string(call.body)); err != nil || len(form["Action"]) != 1 {
					t.Errorf("%s: %q", subtype, call.body)
				}
			}
		}
	})
}
