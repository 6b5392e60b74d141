package lambda_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/lambda"
)

// TestRequestID holds that each call tells its id, also one that fails, and one that is made
// again.
func TestRequestID(t *testing.T) {
	without(t)
	for name, c := range map[string]struct {
		id     func(call int) string
		fail   func(call int) int
		failed bool
		want   string
	}{
		"answered": {func(int) string { return "one" }, nil, false, "one"},
		"again": {func(call int) string { return fmt.Sprint("call-", call) }, func(call int) int {
			if call == 1 {
				return 503
			}
			return 200
		}, false, "call-1 call-2"},
		"failed":   {func(int) string { return "one" }, func(int) int { return 403 }, false, "one"},
		"function": {func(int) string { return "one" }, nil, true, "one"},
		"none":     {func(int) string { return "" }, nil, false, ""},
		"endless":  {func(int) string { return strings.Repeat("x", 1000) }, nil, false, ""},
	} {
		calls := 0
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			if id := c.id(calls); id != "" {
				w.Header().Set("x-amzn-RequestId", id)
			}
			if c.failed {
				w.Header().Set("X-Amz-Function-Error", "Unhandled")
			}
			if c.fail != nil {
				w.WriteHeader(c.fail(calls))
			}
			io.WriteString(w, `{}`)
		})
		for kind, target := range map[string]lambda.Target{"Lambda": {Name: "f", Region: "us-east-1", Endpoint: url}, "webhook": {URL: url}} {
			if kind == "webhook" && name == "again" {
				continue // Those are called once.
			}
			calls = 0
			var told []string
			ctx := lambda.WithRequestID(t.Context(), func(id string) { told = append(told, id) })
			_, _ = lambda.New(lambda.Options{}).Invoke(ctx, target, []byte(`{}`))
			if got := strings.Join(told, " "); got != c.want {
				t.Errorf("%s, %s: told %q, want %q", name, kind, got, c.want)
			}
		}
	}
}
