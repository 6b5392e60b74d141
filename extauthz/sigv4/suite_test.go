package sigv4_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/extauthz/sigv4"
)

const (
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteToken  = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// The cases of the test suite that AWS published with Signature Version 4. The
// signatures are the published ones; botocore makes the same.
func TestPublishedSuite(t *testing.T) {
	const vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	cases := []struct {
		name, method, path, query string
		headers                   []sigv4.Header
		signed, body, signature   string
	}{
		{name: "get-vanilla", path: "/", signature: vanilla},
		{name: "get-slash", path: "//", signature: vanilla},
		{name: "get-slash-dot-slash", path: "/./", signature: vanilla},
		{name: "get-relative", path: "/example/..", signature: vanilla},
		{name: "get-relative-relative", path: "/example1/example2/../..", signature: vanilla},
		{name: "no path", path: "", signature: vanilla},
		{name: "get-slash-pointless-dot", path: "/./example", signature: "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
		{name: "get-utf8", path: "/ሴ", signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{name: "get-space", path: "/example space/", signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
		{name: "get-unreserved", path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{name: "get-vanilla-query-order-key-case", path: "/", query: "Param2=value2&Param1=value1", signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{name: "get-vanilla-query-order-value", path: "/", query: "Param1=value2&Param1=value1", signature: "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
		{name: "get-vanilla-empty-query-key", path: "/", query: "Param1=value1", signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
		{name: "get-vanilla-utf8-query", path: "/", query: "ሴ=bar", signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
		{name: "get-header-key-duplicate", path: "/", signed: "my-header1;",
			headers:   []sigv4.Header{{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
			signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
		{name: "get-header-value-order", path: "/", signed: "my-header1;",
			headers:   []sigv4.Header{{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}},
			signature: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
		{name: "get-header-value-trim", path: "/", signed: "my-header1;my-header2;",
			headers:   []sigv4.Header{{"My-Header1", " value1"}, {"My-Header2", ` "a   b   c"`}},
			signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{name: "post-vanilla", method: "POST", path: "/", signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{name: "post-vanilla-query", method: "POST", path: "/", query: "Param1=value1", signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
		{name: "post-sts-header-before", method: "POST", path: "/",
			headers:   []sigv4.Header{{"X-Amz-Security-Token", suiteToken}},
			signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
		{name: "post-x-www-form-urlencoded", method: "POST", path: "/", body: "Param1=value1",
			headers:   []sigv4.Header{{"Content-Type", "application/x-www-form-urlencoded"}},
			signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			signed, credential := "host;"+c.signed+"x-amz-date", sigv4.Credential{Secret: suiteSecret}
			switch {
			case c.body != "":
				signed = "content-type;host;x-amz-date"
			case c.headers != nil && c.signed == "":
				signed += ";x-amz-security-token"
				credential.SessionToken = suiteToken
			}
			method := c.method
			if method == "" {
				method = "GET"
			}
			request := &sigv4.Request{
				Method: method, Path: c.path, Query: c.query, Host: "example.amazonaws.com", Body: sigv4.BodyBytes([]byte(c.body)),
				Headers: append([]sigv4.Header{
					{"X-Amz-Date", "20150830T123600Z"},
					{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + signed + ", Signature=" + c.signature},
				}, c.headers...),
			}
			verifier := newVerifier(t, sigv4.Options{Service: "service", Lookup: oneKey("AKIDEXAMPLE", credential)})
			if _, err := verifier.Verify(t.Context(), request, suiteTime); err != nil {
				t.Fatal(explain(err))
			}
			request.Headers[1].Value = strings.Replace(request.Headers[1].Value, "Signature="+c.signature[:1], "Signature=0", 1)
			if _, err := verifier.Verify(t.Context(), request, suiteTime); c.signature[0] != '0' && err == nil {
				t.Error("a wrong signature was taken")
			}
		})
	}
}

func newVerifier(t testing.TB, o sigv4.Options) *sigv4.Verifier {
	t.Helper()
	v, err := sigv4.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// oneKey is a lookup that knows one access key.
func oneKey(id string, credential sigv4.Credential) sigv4.Lookup {
	return func(_ context.Context, accessKeyID string) (*sigv4.Credential, error) {
		if accessKeyID != id {
			return nil, nil
		}
		return &credential, nil
	}
}

// explain is an error with the canonical request, for the eyes of a developer.
func explain(err error) string {
	if e, ok := err.(*sigv4.Error); ok {
		return e.Error() + "\n" + e.DetailedMessage()
	}
	return err.Error()
}
