package sigv4_test

import (
	"testing"

	"gatehouse/extauthz/sigv4"
)

// BenchmarkVerify is the cost of a request, in each form and outcome.
func BenchmarkVerify(b *testing.B) {
	headers := []sigv4.Header{
		{"accept", "*/*"}, {"user-agent", "aws-sdk-go-v2/1.30 os/linux lang/go"}, {"accept-encoding", "gzip"}, {"x-forwarded-for", "192.0.2.7"},
		{"x-forwarded-proto", "https"}, {"x-request-id", "0b4c5f6e-0000-4000-8000-000000000000"},
	}
	get := signed(func(r *sigv4.Request, s *signing) {
		r.Query = "limit=25&status=open"
		r.Headers = append(r.Headers, headers...)
	})
	other := signed(func(r *sigv4.Request, s *signing) { s.secret = "x" })
	for name, r := range map[string]*sigv4.Request{"get": get, "presigned": presigned("60", nil), "mismatch": other} {
		b.Run(name, func(b *testing.B) {
			verifier := testVerifier(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verifier.Verify(b.Context(), r, testTime); (err == nil) != (name != "mismatch") {
					b.Fatal(err)
				}
			}
		})
	}
}
