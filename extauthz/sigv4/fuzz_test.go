package sigv4_test

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"gatehouse/extauthz/sigv4"
)

// FuzzAuthorization: whatever the header is, there is an answer, which is short and
// is a yes only for the one signature that is right.
func FuzzAuthorization(f *testing.F) {
	good := signed(nil)
	value := good.Headers[1].Value
	for _, seed := range []string{value, strings.ReplaceAll(value, ", ", ","), "Bearer x", "Basic YTpi", "", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,Signature=,SignedHeaders=;;", "AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d", "=", ",,,"} {
		f.Add(seed)
	}
	verifier := testVerifier(f)
	signature := value[strings.Index(value, "Signature=")+len("Signature="):]
	f.Fuzz(func(t *testing.T, value string) {
		r := signed(nil)
		r.Headers[1].Value = value
		_, err := verifier.Verify(context.Background(), r, testTime)
		if err == nil {
			for _, part := range []string{signature, "SignedHeaders=host;x-amz-date", "Credential=" + testKey + "/20260304/eu-west-1/execute-api/aws4_request", "AWS4-HMAC-SHA256 "} {
				if strings.Count(value, part) != 1 {
					t.Errorf("%q was taken", value)
				}
			}
			if strings.Count(value, "=") != 3 {
				t.Errorf("%q was taken", value)
			}
			return
		}
		refused, ok := errors.AsType[*sigv4.Error](err)
		if !ok || refused.Status != 403 || refused.Message == "" || len(refused.Message) > 2000 {
			t.Errorf("%q: %v", value, err)
		}
	})
}

// FuzzQuery: a query is taken whatever is in it if it is signed as it is sent, and
// not with a value more; a pre-signed one never comes from chance.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "a", "a=", "=", "&", "a=b&a=a", "a=%20&b=+", "%", "%2", "%zz", "a=%41&a=A", "ü=日本", "a-b=1&a=2", "a=b=c", "X-Amz-Date=1", "a=%00%ff%FF", presigned("60", nil).Query} {
		f.Add(seed)
	}
	verifier := testVerifier(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := signed(func(r *sigv4.Request, _ *signing) { r.Query = sortedAsSent(query) })
		r.Query = query
		_, err := verifier.Verify(context.Background(), r, testTime)
		if refused, ok := errors.AsType[*sigv4.Error](err); ok && refused.Kind == sigv4.Mismatch {
			t.Errorf("%q is not taken: %s", query, refused.DetailedMessage())
		} else if err != nil && !ok {
			t.Errorf("%q: %v", query, err)
		} else if err == nil {
			r.Query += "&zz=1"
			if _, err := verifier.Verify(context.Background(), r, testTime); err == nil {
				t.Errorf("%q is taken with a parameter more", query)
			}
		}

		r = &sigv4.Request{Method: "GET", Path: "/v1/pets", Query: query, Host: "other", Body: sigv4.BodyBytes(nil)}
		if _, err := verifier.Verify(context.Background(), r, testTime); err == nil {
			t.Errorf("%q is taken as signed for another host", query)
		}
	})
}

// sortedAsSent is how botocore signs the query of a URL: sorted, but for nothing.
func sortedAsSent(query string) string {
	if query == "" {
		return ""
	}
	var pairs [][2]string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, [2]string{name, value})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	var texts []string
	for _, pair := range pairs {
		// The signature itself is never signed.
		if pair[0] != "X-Amz-Signature" {
			texts = append(texts, pair[0]+"="+pair[1])
		}
	}
	return strings.Join(texts, "&")
}

// FuzzPath: the signature of /v1/pets vouches for the paths that come to it without
// empty segments, "." and "..", and for no other.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/", "//", "/a/../v1/pets", "/..", "/v1/./pets", "/v1%2Fpets", "/%2e%2e/x", "", "*", "/ü", "/a b", "/v1//pets/", "v1/pets", "/v1/pets/."} {
		f.Add(seed)
	}
	verifier := testVerifier(f)
	f.Fuzz(func(t *testing.T, sent string) {
		r := signed(nil)
		r.Path = sent
		_, err := verifier.Verify(context.Background(), r, testTime)
		want := strings.HasPrefix(sent, "/") && path.Clean(sent) == "/v1/pets" && !strings.HasSuffix(sent, "/") &&
			!strings.ContainsFunc(sent, func(c rune) bool { return c < ' ' || c == 0x7f })
		if (err == nil) != want {
			t.Errorf("%q: %v", sent, err)
		}
	})
}
