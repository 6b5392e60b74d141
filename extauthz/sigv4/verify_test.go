package sigv4_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
)

const (
	testKey    = "AKIDTEST"
	testSecret = "very-secret-secret"
	emptyHash  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// signing is what a request is to be signed with, for what real clients do not do.
type signing struct {
	algorithm, scope, signed, payload, key, secret string
	// stamp stands in the string to sign.
	stamp string
}

// canonical makes the signature of a request with a plain path and query; all that
// the verifier does in other ways is left out on purpose.
func (s signing) signature(r *sigv4.Request) string {
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, r.Path, r.Query)
	for name := range strings.SplitSeq(s.signed, ";") {
		if name == "host" {
			fmt.Fprintf(&canonical, "host:%s\n", r.Host)
			continue
		}
		var values []string
		for _, field := range r.Headers {
			if strings.EqualFold(field.Name, name) {
				values = append(values, field.Value)
			}
		}
		fmt.Fprintf(&canonical, "%s:%s\n", name, strings.Join(values, ","))
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", s.signed, s.payload)
	hash := sha256.Sum256([]byte(canonical.String()))
	key := []byte("AWS4" + s.secret)
	for _, text := range append(strings.Split(s.scope, "/"), s.algorithm+"\n"+s.stamp+"\n"+s.scope+"\n"+hex.EncodeToString(hash[:])) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// signed makes a good request, with headers beyond the necessary ones if given.
func signed(to func(r *sigv4.Request, s *signing), headers ...sigv4.Header) *sigv4.Request {
	r := &sigv4.Request{
		Method: "GET", Path: "/v1/pets", Host: "petstore.execute-api.localhost:8080", Body: sigv4.BodyBytes(nil),
		Headers: append([]sigv4.Header{{"X-Amz-Date", "20260304T050607Z"}}, headers...),
	}
	s := signing{
		algorithm: "AWS4-HMAC-SHA256", scope: "20260304/eu-west-1/execute-api/aws4_request", key: testKey, secret: testSecret,
		payload: emptyHash, stamp: "20260304T050607Z",
	}
	names := []string{"host"}
	for _, field := range r.Headers {
		if name := strings.ToLower(field.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	s.signed = strings.Join(names, ";")
	if to != nil {
		to(r, &s)
	}
	r.Headers = append(r.Headers, sigv4.Header{Name: "Authorization", Value: fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", s.algorithm, s.key, s.scope, s.signed, s.signature(r))})
	return r
}

// presigned makes a good pre-signed request; the parameters are in order.
func presigned(expires string, to func(r *sigv4.Request, s *signing)) *sigv4.Request {
	r := &sigv4.Request{Method: "GET", Path: "/v1/pets", Host: "petstore", Body: sigv4.BodyBytes(nil)}
	s := signing{
		algorithm: "AWS4-HMAC-SHA256", scope: "20260304/eu-west-1/execute-api/aws4_request", key: testKey, secret: testSecret,
		payload: emptyHash, stamp: "20260304T050607Z", signed: "host",
	}
	if to != nil {
		to(r, &s)
	}
	r.Query = "X-Amz-Algorithm=" + s.algorithm + "&X-Amz-Credential=" + s.key + "%2F" + strings.ReplaceAll(s.scope, "/", "%2F") + "&X-Amz-Date=" + s.stamp
	if expires != "" {
		r.Query += "&X-Amz-Expires=" + expires
	}
	r.Query += "&X-Amz-SignedHeaders=" + strings.ReplaceAll(s.signed, ";", "%3B")
	r.Query += "&X-Amz-Signature=" + s.signature(r)
	return r
}

func testVerifier(t testing.TB) *sigv4.Verifier {
	return newVerifier(t, sigv4.Options{
		Regions: []string{"eu-west-1"},
		Lookup:  oneKey(testKey, sigv4.Credential{Secret: testSecret, Principal: sigv4.Principal{AccountID: "111122223333", UserID: "AIDA1", ARN: "arn:aws:iam::111122223333:user/ann"}}),
	})
}

func TestOutcome(t *testing.T) {
	got, err := testVerifier(t).Verify(t.Context(), signed(nil), testTime.Add(time.Minute))
	if err != nil {
		t.Fatal(explain(err))
	}
	want := &sigv4.Verified{
		AccessKeyID: testKey, Principal: sigv4.Principal{AccountID: "111122223333", UserID: "AIDA1", ARN: "arn:aws:iam::111122223333:user/ann"},
		Date: "20260304", Region: "eu-west-1", Service: "execute-api",
		SignedAt: testTime, GoodUntil: testTime.Add(5 * time.Minute), SignedHeaders: []string{"host", "x-amz-date"},
		Payload: sigv4.PayloadVerified, PayloadHash: emptyHash,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// authorization makes a request whose Authorization header is the given one.
func authorization(value string) *sigv4.Request {
	r := signed(nil)
	r.Headers[len(r.Headers)-1].Value = value
	return r
}

// respelled rewrites the good Authorization header.
func respelled(pairs ...string) *sigv4.Request {
	r := signed(nil)
	h := &r.Headers[len(r.Headers)-1].Value
	*h = strings.NewReplacer(pairs...).Replace(*h)
	return r
}

func TestTaken(t *testing.T) {
	requests := map[string]*sigv4.Request{
		"plain":                     signed(nil),
		"no blanks":                 respelled(", ", ","),
		"more blanks":               respelled(", ", " \t ,\t ", "SHA256 ", "SHA256   "),
		"a signed host with a port": signed(func(r *sigv4.Request, s *signing) { r.Host = "localhost:443" }),
		"the date from the Date header": signed(func(r *sigv4.Request, s *signing) {
			r.Headers[0] = sigv4.Header{Name: "date", Value: "Wed, 04 Mar 2026 05:06:07 GMT"}
			s.signed = "date;host"
		}),
		"a Date header in ISO 8601": signed(func(r *sigv4.Request, s *signing) {
			r.Headers[0].Name = "date"
			s.signed = "date;host"
		}),
		"X-Amz-Date goes before an unsigned Date": signed(func(r *sigv4.Request, s *signing) {
			r.Headers = append(r.Headers, sigv4.Header{Name: "Date", Value: "Wed, 04 Mar 2020 05:06:07 GMT"})
		}),
		"what CloudFront adds": signed(func(r *sigv4.Request, s *signing) {
			r.Headers = append(r.Headers, sigv4.Header{Name: "X-Amz-Cf-Id", Value: "x"})
		}),
		"pseudo-headers and Host as headers": signed(func(r *sigv4.Request, s *signing) {
			r.Headers = append(r.Headers, sigv4.Header{Name: ":authority", Value: r.Host}, sigv4.Header{Name: "host", Value: "x"})
		}),
		"a query in its canonical form only": signed(func(r *sigv4.Request, s *signing) { r.Query = "a=%20&b=%2F" }),
		"an unsigned payload": signed(func(r *sigv4.Request, s *signing) {
			s.payload = "UNSIGNED-PAYLOAD"
			r.Body = sigv4.BodyBytes([]byte("anything"))
		}, sigv4.Header{Name: "x-amz-content-sha256", Value: "UNSIGNED-PAYLOAD"}),
		"pre-signed":                    presigned("60", nil),
		"pre-signed without a lifetime": presigned("", nil),
		"pre-signed for any body": presigned("60", func(r *sigv4.Request, s *signing) {
			s.payload = "UNSIGNED-PAYLOAD"
			r.Body = sigv4.BodyBytes([]byte("anything"))
		}),
	}
	// What is in other escapes or another order than it was signed.
	plus := signed(func(r *sigv4.Request, s *signing) { r.Query = "a=x%20y&b=~" })
	plus.Query = "b=%7e&&a=x+y"
	requests["a plus for a space, other escapes, another order, an empty pair"] = plus
	order := respelled()
	parts := strings.SplitN(order.Headers[1].Value, " ", 2)
	pairs := strings.Split(parts[1], ", ")
	slices.Reverse(pairs)
	order.Headers[1].Value = parts[0] + " " + strings.Join(pairs, ", ")
	requests["parts in another order"] = order
	joined := signed(nil, sigv4.Header{Name: "X-Tag", Value: "a"}, sigv4.Header{Name: "X-Tag", Value: "b"})
	joined.Headers = slices.Replace(joined.Headers, 1, 3, sigv4.Header{Name: "x-tag", Value: " a,b "})
	requests["values of a header joined by a proxy"] = joined

	for name, r := range requests {
		if _, err := testVerifier(t).Verify(t.Context(), r, testTime); err != nil {
			t.Errorf("%s: %s", name, explain(err))
		}
	}
}

func TestRefused(t *testing.T) {
	const goodSignature = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const scope = testKey + "/20260304/eu-west-1/execute-api/aws4_request"
	header := func(name, value string) *sigv4.Request {
		r := signed(nil)
		r.Headers = append(r.Headers, sigv4.Header{Name: name, Value: value})
		return r
	}
	with := func(to func(r *sigv4.Request, s *signing), headers ...sigv4.Header) *sigv4.Request {
		return signed(to, headers...)
	}
	after := func(r *sigv4.Request, to func(r *sigv4.Request)) *sigv4.Request { to(r); return r }

	cases := []struct {
		name    string
		request *sigv4.Request
		kind    sigv4.Kind
		errType string
		message string
	}{
		{"nothing", &sigv4.Request{Method: "GET", Path: "/", Host: "h"}, sigv4.NotSigned, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"an empty header", authorization("  "), sigv4.NotSigned, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"a bearer token", authorization("Bearer abc.def"), sigv4.Incomplete, "IncompleteSignatureException",
			"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '31xUL9zZyAlSdEwUtwhnc4s/kOVbd/iPF7n4gXswkoE='."},
		{"basic credentials", authorization("Basic YTpi="), sigv4.Incomplete, "IncompleteSignatureException",
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "},
		{"no algorithm", authorization("Credential=" + scope), sigv4.Incomplete, "IncompleteSignatureException", "Authorization header must begin with the algorithm name"},
		{"the algorithm only", authorization("AWS4-HMAC-SHA256"), sigv4.Incomplete, "IncompleteSignatureException", "Authorization header requires 'Credential' parameter. "},
		{"no signed headers", authorization("AWS4-HMAC-SHA256 Credential=" + scope + ", Signature=" + goodSignature), sigv4.Incomplete, "IncompleteSignatureException", "Authorization header requires 'SignedHeaders' parameter. (Hashed"},
		{"blanks for commas", respelled(", ", " "), sigv4.Incomplete, "IncompleteSignatureException", "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "},
		{"a comma at the begin", respelled("SHA256 ", "SHA256 , "), sigv4.Incomplete, "IncompleteSignatureException", "missing equal-sign"},
		{"an empty part before the good one", respelled("Signature=", "Signature=, Signature="), sigv4.Incomplete, "IncompleteSignatureException", "more than one 'Signature'"},
		{"two signatures", respelled("Signature=", "Signature="+goodSignature+", Signature="), sigv4.Incomplete, "IncompleteSignatureException", "more than one 'Signature'"},
		{"an unknown part", respelled("Signature=", "Extra=1, Signature="), sigv4.Incomplete, "IncompleteSignatureException", "unknown parameter 'Extra'"},
		{"two Authorization headers", header("authorization", "AWS4-HMAC-SHA256 x"), sigv4.Incomplete, "IncompleteSignatureException", "more than one 'authorization' header"},
		{"a long header", authorization("AWS4-HMAC-SHA256 " + strings.Repeat("a=b,", 5000)), sigv4.TooLarge, "IncompleteSignatureException", "longer than"},
		{"another algorithm", respelled("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), sigv4.UnsupportedAlgorithm, "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now). "},
		{"SigV4A", respelled("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), sigv4.UnsupportedAlgorithm, "IncompleteSignatureException", "AWS4-ECDSA-P256-SHA256"},
		{"SigV4A pre-signed", after(presigned("60", nil), func(r *sigv4.Request) { r.Query = strings.Replace(r.Query, "HMAC", "ECDSA-P256", 1) }), sigv4.UnsupportedAlgorithm, "IncompleteSignatureException", "AWS4-ECDSA-P256-SHA256"},
		{"four elements", respelled("/aws4_request", ""), sigv4.Incomplete, "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDTEST/20260304/eu-west-1/execute-api'"},
		{"six elements", respelled("/aws4_request", "/aws4_request/x"), sigv4.Incomplete, "IncompleteSignatureException", "exactly 5"},
		{"an empty element", respelled("eu-west-1", ""), sigv4.Incomplete, "IncompleteSignatureException", "exactly 5"},
		{"a hostile element", respelled("eu-west-1", "eu\x00west"), sigv4.Incomplete, "IncompleteSignatureException", "got 'AKIDTEST/20260304/eu?west/execute-api/aws4_request'"},
		{"a long credential", respelled(testKey, strings.Repeat("A", 1000)), sigv4.Incomplete, "IncompleteSignatureException", strings.Repeat("A", 100) + "...'"},
		{"a short signature", authorization("AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host;x-amz-date, Signature=abc"), sigv4.Mismatch, "InvalidSignatureException", "The request signature we calculated"},
		{"an upper-case signature", authorization("AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host;x-amz-date, Signature=" + strings.ToUpper(goodSignature)), sigv4.Mismatch, "InvalidSignatureException", "The request signature we calculated"},
		{"names not sorted", respelled("host;x-amz-date", "x-amz-date;host"), sigv4.Incomplete, "IncompleteSignatureException", "sorted"},
		{"a name twice", respelled("host;x-amz-date", "host;host;x-amz-date"), sigv4.Incomplete, "IncompleteSignatureException", "each name once"},
		{"a name in upper case", respelled("host;x-amz-date", "Host;x-amz-date"), sigv4.Incomplete, "IncompleteSignatureException", "lower case"},
		{"an empty name", respelled("host;x-amz-date", "host;;x-amz-date"), sigv4.Incomplete, "IncompleteSignatureException", "lower case"},
		{"many names", respelled("host;x-amz-date", "host"+strings.Repeat(";x", 300)), sigv4.TooLarge, "IncompleteSignatureException", "more than 200 names"},
		{"no date", after(signed(nil), func(r *sigv4.Request) { r.Headers[0].Name = "x-other" }), sigv4.Incomplete, "IncompleteSignatureException", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "},
		{"another format", after(signed(nil), func(r *sigv4.Request) { r.Headers[0].Value = "2026-03-04T05:06:07Z" }), sigv4.Incomplete, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '2026-03-04T05:06:07Z'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"fractions of a second", after(signed(nil), func(r *sigv4.Request) { r.Headers[0].Value = "20260304T050607.5Z" }), sigv4.Incomplete, "IncompleteSignatureException", "basic format"},
		{"no such day", after(signed(nil), func(r *sigv4.Request) { r.Headers[0].Value = "20260231T050607Z" }), sigv4.Incomplete, "IncompleteSignatureException", "basic format"},
		{"two dates", header("x-amz-date", "20260304T050607Z"), sigv4.Incomplete, "IncompleteSignatureException", "more than one 'x-amz-date' header"},
		{"the date is not signed", with(func(r *sigv4.Request, s *signing) { s.signed = "host" }), sigv4.NotCovered, "InvalidSignatureException", "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."},
		{"the Date header is not signed", with(func(r *sigv4.Request, s *signing) {
			r.Headers[0] = sigv4.Header{Name: "Date", Value: "Wed, 04 Mar 2026 05:06:07 GMT"}
			s.signed = "host"
		}), sigv4.NotCovered, "InvalidSignatureException", "'date' must be"},
		{"the host is not signed", with(func(r *sigv4.Request, s *signing) { s.signed = "x-amz-date" }), sigv4.NotCovered, "InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization."},
		{"an x-amz- header is not signed", header("X-Amz-Target", "x"), sigv4.NotCovered, "InvalidSignatureException", "'x-amz-target' must be"},
		{"another region", with(func(r *sigv4.Request, s *signing) { s.scope = "20260304/us-east-1/execute-api/aws4_request" }), sigv4.WrongScope, "InvalidSignatureException", "Credential should be scoped to a valid region. "},
		{"everything of the scope", with(func(r *sigv4.Request, s *signing) { s.scope = "20260303/us-east-1/s3/aws5_request" }), sigv4.WrongScope, "InvalidSignatureException",
			"Credential should be scoped to a valid region. Credential should be scoped to correct service: 'execute-api'. Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260303' != '20260304', from '20260304T050607Z'. "},
		{"an unknown key", with(func(r *sigv4.Request, s *signing) { s.key = "AKIDNOBODY" }), sigv4.UnknownKey, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"another secret", with(func(r *sigv4.Request, s *signing) { s.secret = "x" }), sigv4.Mismatch, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
		{"a signed header is gone", after(signed(nil, sigv4.Header{Name: "X-Tag", Value: ""}), func(r *sigv4.Request) { r.Headers = slices.Delete(r.Headers, 1, 2) }), sigv4.Mismatch, "InvalidSignatureException", "The request signature"},
		{"a token for a key without one", with(nil, sigv4.Header{Name: "X-Amz-Security-Token", Value: "t"}), sigv4.WrongToken, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"two tokens", after(signed(nil, sigv4.Header{Name: "X-Amz-Security-Token", Value: "t"}), func(r *sigv4.Request) {
			r.Headers = append(r.Headers, sigv4.Header{Name: "X-Amz-Security-Token", Value: "t"})
		}), sigv4.Incomplete, "IncompleteSignatureException", "more than one 'x-amz-security-token' header"},
		{"a body other than declared", with(func(r *sigv4.Request, s *signing) { r.Body = sigv4.BodyBytes([]byte("x")) }, sigv4.Header{Name: "X-Amz-Content-Sha256", Value: emptyHash}), sigv4.PayloadMismatch, "InvalidSignatureException", "The request signature we calculated"},
		{"a hash that is none", with(nil, sigv4.Header{Name: "X-Amz-Content-Sha256", Value: strings.ToUpper(emptyHash)}), sigv4.PayloadMismatch, "InvalidSignatureException", "must be UNSIGNED-PAYLOAD or a SHA-256"},
		{"chunks, wrongly signed", with(func(r *sigv4.Request, s *signing) { s.payload = emptyHash }, sigv4.Header{Name: "X-Amz-Content-Sha256", Value: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}), sigv4.Mismatch, "InvalidSignatureException", "The request signature"},
		{"chunks, well signed", with(func(r *sigv4.Request, s *signing) { s.payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" }, sigv4.Header{Name: "X-Amz-Content-Sha256", Value: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}), sigv4.UnsupportedPayload, "InvalidSignatureException", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD is not supported"},
		{"chunks, unsigned with a trailer", with(func(r *sigv4.Request, s *signing) { s.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER" }, sigv4.Header{Name: "X-Amz-Content-Sha256", Value: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}), sigv4.UnsupportedPayload, "InvalidSignatureException", "not supported"},
		{"the body is needed", with(func(r *sigv4.Request, s *signing) { s.payload, r.Body = strings.Repeat("0", 64), sigv4.Body{} }), sigv4.BodyNeeded, "InvalidSignatureException", "The request signature we calculated"},
		{"both forms", after(presigned("60", nil), func(r *sigv4.Request) { r.Headers = signed(nil).Headers }), sigv4.Incomplete, "InvalidSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		{"half a pre-signed form", after(presigned("60", nil), func(r *sigv4.Request) { r.Query = "X-Amz-Signature=" + goodSignature }), sigv4.Incomplete, "IncompleteSignatureException",
			"AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		{"a parameter twice", after(presigned("60", nil), func(r *sigv4.Request) { r.Query += "&X-Amz-Expires=600" }), sigv4.Incomplete, "IncompleteSignatureException", "more than one 'X-Amz-Expires' parameter"},
		{"a lifetime of nothing", presigned("0", nil), sigv4.Incomplete, "IncompleteSignatureException", "X-Amz-Expires must be a number of seconds from 1 to 604800, got '0'"},
		{"a lifetime of more than a week", presigned("604801", nil), sigv4.Incomplete, "IncompleteSignatureException", "from 1 to 604800"},
		{"a lifetime below zero", presigned("-5", nil), sigv4.Incomplete, "IncompleteSignatureException", "from 1 to 604800"},
		{"a pre-signed token in a header", presigned("60", func(r *sigv4.Request, s *signing) {
			r.Headers, s.signed = []sigv4.Header{{"X-Amz-Security-Token", "t"}}, "host;x-amz-security-token"
		}), sigv4.Incomplete, "IncompleteSignatureException", "security token in the query"},
		{"a long target", after(signed(nil), func(r *sigv4.Request) { r.Path = "/" + strings.Repeat("a", 70000) }), sigv4.TooLarge, "IncompleteSignatureException", "longer than 65536 bytes"},
		{"many parameters", after(signed(nil), func(r *sigv4.Request) { r.Query = strings.Repeat("&", 2000) }), sigv4.TooLarge, "IncompleteSignatureException", "more than 2000 parameters"},
		{"many headers", after(signed(nil), func(r *sigv4.Request) { r.Headers = append(r.Headers, make([]sigv4.Header, 1000)...) }), sigv4.TooLarge, "IncompleteSignatureException", "more than 1000 headers"},
		{"long headers", header("x", strings.Repeat("x", 300000)), sigv4.TooLarge, "IncompleteSignatureException", "longer than"},
		{"a line end in the method", after(signed(nil), func(r *sigv4.Request) { r.Method = "GET\n/" }), sigv4.Incomplete, "IncompleteSignatureException", "malformed"},
		{"a line end in the query", after(signed(nil), func(r *sigv4.Request) { r.Query = "a\n=" }), sigv4.Incomplete, "IncompleteSignatureException", "malformed"},
	}
	for _, c := range cases {
		_, err := testVerifier(t).Verify(t.Context(), c.request, testTime)
		refused, ok := errors.AsType[*sigv4.Error](err)
		if !ok {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		response := gateway.InvalidSignature
		if c.kind == sigv4.NotSigned {
			response = gateway.MissingAuthenticationToken
		}
		if refused.Kind != c.kind || refused.Status != 403 || c.errType != "" && refused.Type != c.errType || !strings.Contains(refused.Message, c.message) || refused.Response != response {
			t.Errorf("%s: %+v", c.name, refused)
		}
		if len(refused.Message) > 1000 || len(refused.Error()) > 1000 {
			t.Errorf("%s: the message is long: %s", c.name, refused.Message)
		}
	}
}

// TestTime goes to the edges of what is too early and too late.
func TestTime(t *testing.T) {
	cases := []struct {
		name    string
		request *sigv4.Request
		skew    time.Duration
		at      time.Duration
		message string
	}{
		{"just in time", signed(nil), 0, 5 * time.Minute, ""},
		{"too late", signed(nil), 0, 5*time.Minute + time.Second, "Signature expired: 20260304T050607Z is now earlier than 20260304T050608Z (20260304T051108Z - 5 min.)"},
		{"just not too early", signed(nil), 0, -5 * time.Minute, ""},
		{"too early", signed(nil), 0, -5*time.Minute - time.Second, "Signature not yet current: 20260304T050607Z is still later than 20260304T050606Z (20260304T050106Z + 5 min.)"},
		{"another skew", signed(nil), 15 * time.Minute, 15 * time.Minute, ""},
		{"too late for it", signed(nil), 15 * time.Minute, 16 * time.Minute, "(20260304T052207Z - 15 min.)"},
		{"skew in seconds", signed(nil), 30 * time.Second, 31 * time.Second, "(20260304T050638Z - 30 sec.)"},
		{"pre-signed", presigned("3600", nil), 0, time.Hour, ""},
		{"pre-signed, over", presigned("3600", nil), 0, time.Hour + time.Second, "Signature expired: 20260304T050607Z is now earlier than 20260304T050608Z (20260304T060608Z - 60 min.)"},
		{"pre-signed, over before the skew is", presigned("10", nil), 0, 11 * time.Second, "(20260304T050618Z - 10 sec.)"},
		{"pre-signed, for a week", presigned("604800", nil), 0, 7 * 24 * time.Hour, ""},
		{"pre-signed, in the future", presigned("604800", nil), 0, -6 * time.Minute, "Signature not yet current"},
		{"pre-signed without a lifetime", presigned("", nil), 0, 6 * time.Minute, "- 5 min."},
	}
	for _, c := range cases {
		verifier := newVerifier(t, sigv4.Options{Lookup: oneKey(testKey, sigv4.Credential{Secret: testSecret}), ClockSkew: c.skew})
		_, err := verifier.Verify(t.Context(), c.request, testTime.Add(c.at))
		refused, _ := errors.AsType[*sigv4.Error](err)
		switch {
		case c.message == "" && err == nil:
		case c.message != "" && refused != nil && strings.Contains(refused.Message, c.message) && refused.Type == "InvalidSignatureException":
		default:
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestWithoutPresigned: of a pre-signed query goes what makes it one, in whatever escapes.
func TestWithoutPresigned(t *testing.T) {
	for query, want := range map[string]string{
		"":                            "",
		presigned("60", nil).Query:    "",
		"X-Amz-Signature=1&b=2&a&&=c": "b=2&a&&=c",
		"b=%2f&X-Amz%2dCredential=1&%58-Amz-Security-Token&a=+": "b=%2f&a=+",
		"x-amz-signature=1&X-Amz-Signatures=2&X-Amz-Target=3":   "x-amz-signature=1&X-Amz-Signatures=2&X-Amz-Target=3",
	} {
		if got := sigv4.WithoutPresigned(query); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
}

// TestSessions: temporary credentials need their token, and end.
func TestSessions(t *testing.T) {
	verifier := newVerifier(t, sigv4.Options{Lookup: oneKey(testKey, sigv4.Credential{Secret: testSecret, SessionToken: "the-token", Expires: testTime.Add(time.Minute)})})
	token := func(value string) *sigv4.Request {
		return signed(nil, sigv4.Header{Name: "X-Amz-Security-Token", Value: value})
	}
	if _, err := verifier.Verify(t.Context(), token("the-token"), testTime); err != nil {
		t.Error(explain(err))
	}
	for name, r := range map[string]*sigv4.Request{"none": signed(nil), "another": token("the-tokem"), "longer": token("the-token2"), "pre-signed without": presigned("60", nil)} {
		_, err := verifier.Verify(t.Context(), r, testTime)
		if refused, ok := errors.AsType[*sigv4.Error](err); !ok || refused.Kind != sigv4.WrongToken {
			t.Errorf("token %s: %v", name, err)
		}
	}
	_, err := verifier.Verify(t.Context(), token("the-token"), testTime.Add(time.Minute))
	if refused, ok := errors.AsType[*sigv4.Error](err); !ok || refused.Kind != sigv4.ExpiredToken || refused.Response != gateway.ExpiredToken || refused.Message != "The security token included in the request is expired" {
		t.Errorf("over: %v", err)
	}
}

// TestPayloadWithoutBody: the caller is told what it has to check.
func TestPayloadWithoutBody(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	declared := func(value string) *sigv4.Request {
		return signed(func(r *sigv4.Request, s *signing) { s.payload, r.Body = value, sigv4.Body{} }, sigv4.Header{Name: "X-Amz-Content-Sha256", Value: value})
	}
	cases := map[string]struct {
		request *sigv4.Request
		payload sigv4.Payload
		hash    string
	}{
		"declared":                        {declared(hash), sigv4.PayloadToCheck, hash},
		"unsigned":                        {declared("UNSIGNED-PAYLOAD"), sigv4.PayloadUnsigned, ""},
		"signed as empty, without a word": {signed(func(r *sigv4.Request, s *signing) { r.Body = sigv4.Body{} }), sigv4.PayloadToCheck, emptyHash},
		"declared in a pre-signed query": {presigned("60", func(r *sigv4.Request, s *signing) {
			r.Headers, s.signed, s.payload, r.Body = []sigv4.Header{{"X-Amz-Content-Sha256", hash}}, "host;x-amz-content-sha256", hash, sigv4.Body{}
		}), sigv4.PayloadToCheck, hash},
	}
	for name, c := range cases {
		got, err := testVerifier(t).Verify(t.Context(), c.request, testTime)
		if err != nil || got.Payload != c.payload || got.PayloadHash != c.hash {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestKeysChange: neither a revoked key nor a replaced secret lives on in the cache
// of derived keys.
func TestKeysChange(t *testing.T) {
	credential := &sigv4.Credential{Secret: testSecret}
	var failure error
	verifier := newVerifier(t, sigv4.Options{Lookup: func(context.Context, string) (*sigv4.Credential, error) { return credential, failure }})
	kind := func(r *sigv4.Request) sigv4.Kind {
		_, err := verifier.Verify(t.Context(), r, testTime)
		if refused, ok := errors.AsType[*sigv4.Error](err); ok {
			return refused.Kind
		}
		if err != nil {
			t.Error(err)
		}
		return ""
	}
	renewed := signed(func(_ *sigv4.Request, s *signing) { s.secret = "the-new-secret" })
	for range 2 {
		if got := kind(signed(nil)); got != "" {
			t.Errorf("at first: %s", got)
		}
	}
	credential = &sigv4.Credential{Secret: "the-new-secret"}
	if got := kind(signed(nil)); got != sigv4.Mismatch {
		t.Errorf("the old secret: %q", got)
	}
	for range 2 {
		if got := kind(renewed); got != "" {
			t.Errorf("the new secret: %s", got)
		}
	}
	credential = nil
	if got := kind(renewed); got != sigv4.UnknownKey {
		t.Errorf("revoked: %q", got)
	}

	failure = errors.New("the store is away")
	_, err := verifier.Verify(t.Context(), signed(nil), testTime)
	if _, isRefusal := errors.AsType[*sigv4.Error](err); isRefusal || !errors.Is(err, failure) {
		t.Errorf("a lookup that fails: %v", err)
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	verifier := newVerifier(t, sigv4.Options{Lookup: oneKey(testKey, sigv4.Credential{Secret: testSecret})})
	if _, err := verifier.Verify(t.Context(), signed(nil), testTime); err != nil {
		t.Fatal(explain(err))
	}
	_, err := verifier.Verify(t.Context(), signed(func(r *sigv4.Request, s *signing) { s.secret = "x" }), testTime)
	credential := sigv4.Credential{Secret: testSecret, SessionToken: testSecret}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", verifier, verifier, verifier), fmt.Sprintf("%v %+v %#v", credential, credential, credential), fmt.Sprintf("%+v %#v", err, err)} {
		if strings.Contains(text, testSecret) {
			t.Errorf("the secret is in %s", text)
		}
	}
}

func TestFromHTTP(t *testing.T) {
	var got sigv4.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = sigv4.FromHTTP(r) }))
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL+"/a%2Fb//..%20/?x=%41+&&y", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "Example.COM:81"
	r.Header["X-Tag"] = []string{"b", "a"}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	var tags []string
	for _, field := range got.Headers {
		if field.Name == "X-Tag" {
			tags = append(tags, field.Value)
		}
	}
	if got.Path != "/a%2Fb//..%20/" || got.Query != "x=%41+&&y" || got.Host != "Example.COM:81" || got.Method != "GET" || !slices.Equal(tags, []string{"b", "a"}) {
		t.Errorf("%+v", got)
	}

	absolute := httptest.NewRequest("GET", "http://example.com/a%2Fb?c", nil)
	if got := sigv4.FromHTTP(absolute); got.Path != "/a%2Fb" || got.Query != "c" {
		t.Errorf("the absolute form: %+v", got)
	}
}

func TestOptions(t *testing.T) {
	_, err := sigv4.New(sigv4.Options{Service: "a/b", Regions: []string{"ok", ""}, ClockSkew: -time.Second})
	for _, want := range []string{"no lookup", `"a/b" cannot be the name of a service`, `"" cannot be the name of a region`, "clock skew -1s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
