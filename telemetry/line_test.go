package telemetry

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// TestFormats holds Amazon's example formats, and what stands for what is not there.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
func TestFormats(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{`$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId $context.extendedRequestId`,
			`192.0.2.7 - - [25/Nov/2026:12:00:00 +0000]"GET /pets/{id} HTTP/2.0" 200 30 id-1 id-1`},
		{`{ "requestId":"$context.requestId", "ip": "$context.identity.sourceIp", "requestTime":"$context.requestTime", "status":"$context.status","length":${context.responseLength} }`,
			`{ "requestId":"id-1", "ip": "192.0.2.7", "requestTime":"25/Nov/2026:12:00:00 +0000", "status":"200","length":30 }`},
		{`<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <user>$context.identity.user</user></request>`,
			`<request id="id-1"> <ip>192.0.2.7</ip> <user>-</user></request>`},
		{`$context.requestTimeEpoch,$context.responseLatency,$context.integrationLatency,$context.requestId`, `1795608000000,20,12,id-1`},
		{`${context.requestId}x $context.requestId. ${context.stage}$context.apiId`, `id-1x id-1. v1shop`},
		{`$context.requestId $context.authorizer.claims.sub $context.authorizer.claims.groups $context.authorizer.claims.n $context.authorizer.claims.none`, `id-1 jane [a b] 1 -`},
		{`$context.requestId $context.domainName $context.domainPrefix $context.customDomain.basePathMatched $context.path`, `id-1 shop.example.com shop base/pets /base/pets/7`},
		{`$context.requestId $context.tlsVersion $context.cipherSuite $context.identity.apiKeyId $context.identity.apiKey`, `id-1 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 acme:1 [redacted]`},
		{`$context.requestId $context.waf.status $context.xrayTraceId $context.requestOverride.header.x $context.error.messageString`, `id-1 - - - -`},
	} {
		h := newHarness(t, Options{})
		h.Swap(h.Compile(snapshot(&gateway.StageAccessLog{Format: c.format, Destination: gateway.DestinationStdout})))
		h.tell(entry("shop", "v1", "GET /pets/{id}"))
		if got := h.written(t); got != c.want+"\n" {
			t.Errorf("%s\n gives %s\n want  %s", c.format, got, c.want)
		}
	}
}

// TestVariables holds that every variable that formats may have is one that is given a
// value, or one that is known to have none.
func TestVariables(t *testing.T) {
	names := gateway.AccessLogVariables()
	known := map[string]bool{"error.messageString": true}
	for name := range values {
		known[name] = true
	}
	for _, name := range names {
		if known[name] == unset[name] {
			t.Errorf("%s: has a value %v, has none %v", name, known[name], unset[name])
		}
		delete(known, name)
	}
	delete(known, "error.messageString")
	for name := range known {
		t.Errorf("%s has a value, and is no variable of formats", name)
	}
}

// TestOutcomes holds which gateway response it was, by what Envoy tells of it.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		api, details, errorType string
		status                  uint32
		want                    gateway.ResponseType
		// began: the integration had begun to answer.
		began bool
	}{
		{"shop", "via_upstream", "", 200, "", false},
		// What a backend says of itself is not the gateway's.
		{"shop", "via_upstream", "AccessDeniedException", 403, "", false},
		{"shop", "gw:DEFAULT_5XX", "", 418, gateway.Default5XX, false},
		{"shop", "ext_authz_denied", "AccessDeniedException", 403, gateway.AccessDenied, false},
		{"shop", "ext_authz_denied", "IncompleteSignatureException", 403, gateway.InvalidSignature, false},
		{"shop", "ext_authz_denied", "UnrecognizedClientException", 403, gateway.InvalidSignature, false},
		{"shop", "via_upstream", "UnrecognizedClientException", 403, "", false},
		{"shop", "ext_authz_error", "InternalServerErrorException", 500, gateway.APIConfigurationError, false},
		{"shop", "request_rate_limited", "LimitExceededException", 429, gateway.QuotaExceeded, false},
		{"shop", "response_timeout", "InternalServerErrorException", 504, gateway.IntegrationTimeout, false},
		{"shop", "upstream_reset_before_response_started", "InternalServerErrorException", 500, gateway.IntegrationFailure, false},
		{"shop", "direct_response", "BadRequestException", 400, gateway.BadRequestParameters, false},
		{"shop", "direct_response", "InternalServerErrorException", 500, gateway.APIConfigurationError, false},
		{"shop", "ext_authz_denied", "BadRequestException", 400, gateway.BadRequestBody, false},
		{"shop", "ext_authz_denied", "BadRequestException", 415, gateway.UnsupportedMediaType, false},
		{"web", "local_rate_limited", "", 429, gateway.Throttled, false},
		{"web", "jwt_authn_access_denied{Jwt_is_expired}", "", 401, gateway.Unauthorized, false},
		{"web", "rbac_access_denied_matched_policy[2]", "", 403, gateway.AccessDenied, false},
		{"web", "ext_authz_error", "", 500, gateway.AuthorizerFailure, false},
		{"web", "response_timeout", "", 504, gateway.IntegrationTimeout, false},
		{"web", "upstream_reset_before_response_started", "", 503, gateway.IntegrationFailure, false},
		{"web", "request_payload_too_large", "", 413, gateway.RequestTooLarge, false},
		{"web", "direct_response", "", 404, gateway.ResourceNotFound, false},
		{"web", "via_upstream", "", 404, "", false},
		{"web", "upstream_reset_after_response_started{protocol_error}", "", 503, "", true},
		{"web", "response_timeout", "", 504, "", true},
		{"function", "via_upstream", "InternalServerErrorException", 500, gateway.IntegrationFailure, false},
		{"function", "via_upstream", "InternalServerErrorException", 504, gateway.IntegrationTimeout, false},
		{"function", "via_upstream", "AccessDeniedException", 403, "", false},
		{"function", "via_upstream", "", 500, "", false},
	} {
		h := newHarness(t, Options{})
		h.Swap(h.Compile(snapshot(nil)))
		stage := map[string]string{"shop": "v1", "web": gateway.DefaultStage}[c.api]
		e := entry(c.api, stage, "GET /pets/{id}")
		if c.api == "function" {
			e = entry("shop", "v1", "ANY /f")
			e.UpstreamCluster = wire.IntegrationCluster
		}
		e.Status, e.Details, e.ErrorType = fmt.Sprint(c.status), c.details, c.errorType
		if !c.began && c.details != "via_upstream" {
			e.IntegrationTook = ""
		}
		if got := h.serving.Load().request(e).responseType(); got != c.want {
			t.Errorf("%s %d %s %s is %q, want %q", c.api, c.status, c.details, c.errorType, got, c.want)
		}
	}
}

// FuzzEscape holds that whatever a client sends stays within the value, the line and the
// terminal, and is what it was for who reads the line as JSON.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "plain", "\"}\n\r\t\x00\x1b[2J\x7f", "\u202e\u2028\u0085\u200b", "<script>&", "\xff\xc3", "héllo 😀 \U000e0001", strings.Repeat("x", maxValue+1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := escape(nil, text, quoteInAny)
		if !utf8.Valid(got) {
			t.Fatalf("%q is no UTF-8", got)
		}
		for _, r := range string(got) {
			if !unicode.IsPrint(r) || strings.ContainsRune(`<>&"`, r) {
				t.Fatalf("%q has %q", got, r)
			}
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+string(got)+`"`), &back); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if len(text) <= maxValue && back != strings.ToValidUTF8(text, "") && utf8.ValidString(text) {
			t.Fatalf("%q came back as %q", text, back)
		}
	})
}

// TestUpstreamFailure holds that a failure is what Envoy 1.40 says of the connection, and that
// nothing else of the details is.
func TestUpstreamFailure(t *testing.T) {
	for details, want := range map[string]string{
		"upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}":                             "delayed connect error: Connection refused",
		"upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL:CERTIFICATE_VERIFY_FAILED:verify_cert_failed}": "TLS error:|268435581:SSL:CERTIFICATE_VERIFY_FAILED:verify cert failed",
		"upstream_reset_before_response_started{connection_termination}":                                                                          "",
		"upstream_reset_after_response_started{protocol_error|x}":                                                                                 "",
		"via_upstream": "",
	} {
		e := entry("shop", "v1", "GET /pets/{id}")
		e.Details = details
		if got := newRequest(e).upstreamFailure(); got != want {
			t.Errorf("%s: %q", details, got)
		}
	}
}

// TestBounds holds that neither a value nor a line grows without end.
func TestBounds(t *testing.T) {
	h := newHarness(t, Options{})
	h.Swap(h.Compile(snapshot(&gateway.StageAccessLog{Format: "$context.requestId " + strings.Repeat("$context.identity.userAgent ", 50), Destination: gateway.DestinationStdout})))
	e := entry("shop", "v1", "GET /pets/{id}")
	e.Asked = wire.Asked{Method: "GET", Host: "shop.example.com", Path: "/", UserAgent: strings.Repeat("\U0001f600", 100_000)}.String()
	h.tell(e, entry("shop", "v1", "GET /pets/{id}"))
	lines := strings.Split(strings.TrimSuffix(h.written(t), "\n"), "\n")
	if len(lines) != 2 || len(lines[0]) > maxLine+len(cut) || !strings.HasSuffix(lines[0], cut) || !utf8.ValidString(lines[0]) {
		t.Errorf("%d lines, the first of %d bytes", len(lines), len(lines[0]))
	}
}

// TestHostileValues holds that what a client says ends no string, field, attribute or line of any
// format, and that it is all there for who reads it.
func TestHostileValues(t *testing.T) {
	const hostile = "a\",\"b\" c='d'\\\",]]><!--\t\x1b[31m\u009b\u202e\u2028=x"
	const told = `a\u0022,\u0022b\u0022 c='d'\\\u0022,]]\u003e\u003c!--\u0009\u001b[31m\u009b\u202e\u2028=x`
	line := func(format string) string {
		h := newHarness(t, Options{})
		h.Swap(h.Compile(snapshot(toStdout(format))))
		e := entry("shop", "v1", "GET /pets/{id}")
		e.Asked = wire.Asked{Method: "GET", Host: "shop.example.com", Path: "/base/pets/7", UserAgent: hostile}.String()
		h.tell(e)
		return h.written(t)
	}
	var members map[string]string
	if err := json.Unmarshal([]byte(line(`{"id": "$context.requestId", "agent": "$context.identity.userAgent"}`)), &members); err != nil || members["agent"] != hostile {
		t.Errorf("JSON: %q, %v", members, err)
	}
	in := csv.NewReader(strings.NewReader(line(`$context.requestId,"$context.identity.userAgent",$context.status`)))
	if records, err := in.ReadAll(); err != nil || len(records) != 1 || len(records[0]) != 3 || records[0][1] != told {
		t.Errorf("CSV: %q, %v", records, err)
	}
	var request struct {
		Agent string `xml:"agent,attr"`
		Text  string `xml:"text"`
	}
	if err := xml.Unmarshal([]byte(line(`<request id="$context.requestId" agent="$context.identity.userAgent"><text>$context.identity.userAgent</text></request>`)), &request); err != nil || request.Agent != told || request.Text != told {
		t.Errorf("XML: %q, %v", request, err)
	}
	if got := line(`$context.requestId "$context.identity.userAgent"`); got != `id-1 "`+told+"\"\n" {
		t.Errorf("CLF: %s", got)
	}
}
