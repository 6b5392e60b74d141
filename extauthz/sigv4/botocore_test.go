package sigv4_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
	"gatehouse/internal/pytools"
)

// botocoreCase is what testdata/sign.py prints for a request that botocore signed.
type botocoreCase struct {
	Method, Host, Path, Query, Service, Region, AccessKey string
	Headers                                               [][2]string
	Body                                                  []byte
	Now                                                   time.Time
	Secret, Token                                         string
	Presigned                                             bool
	Expires                                               int
}

func botocoreCases(t *testing.T, count, seed int) []botocoreCase {
	t.Helper()
	cmd := pytools.Command(t, nil, "testdata/sign.py", "make", fmt.Sprint(count), fmt.Sprint(seed))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sign.py: %v\n%s", err, &stderr)
	}
	var cases []botocoreCase
	for line := range bytes.Lines(out) {
		var c botocoreCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("sign.py printed %q: %v", line, err)
		}
		cases = append(cases, c)
	}
	if len(cases) != count {
		t.Fatalf("sign.py printed %d cases, not %d", len(cases), count)
	}
	return cases
}

func (c *botocoreCase) request() *sigv4.Request {
	r := &sigv4.Request{Method: c.Method, Path: c.Path, Query: c.Query, Host: c.Host, Body: sigv4.BodyBytes(c.Body)}
	for _, header := range c.Headers {
		r.Headers = append(r.Headers, sigv4.Header{Name: header[0], Value: header[1]})
	}
	return r
}

func (c *botocoreCase) credential() sigv4.Credential {
	return sigv4.Credential{Secret: gateway.Secret(c.Secret), SessionToken: gateway.Secret(c.Token), Principal: sigv4.Principal{ARN: "arn:of:" + c.AccessKey}}
}

// otherKey is a second valid access key, with the token of the first.
const otherKey = "AKIDOTHER"

func (c *botocoreCase) verifier(t *testing.T) *sigv4.Verifier {
	return newVerifier(t, sigv4.Options{Service: c.Service, Lookup: func(_ context.Context, id string) (*sigv4.Credential, error) {
		credential := c.credential()
		switch id {
		case c.AccessKey:
			return &credential, nil
		case otherKey:
			credential.Secret = "another secret"
			return &credential, nil
		}
		return nil, nil
	}})
}

func (c *botocoreCase) String() string {
	return fmt.Sprintf("%s %s?%s of %s, headers %q, presigned %v", c.Method, c.Path, c.Query, c.Host, c.Headers, c.Presigned)
}

func header(r *sigv4.Request, name string) *string {
	for i := range r.Headers {
		if strings.EqualFold(r.Headers[i].Name, name) {
			return &r.Headers[i].Value
		}
	}
	return nil
}

// TestWhatBotocoreSigns has AWS's own signer make requests with every kind of path,
// query, header and body, and verifies each; and then each with one thing changed.
func TestWhatBotocoreSigns(t *testing.T) {
	kinds := map[sigv4.Kind]int{}
	payloads := map[sigv4.Payload]int{}
	tried := map[string]int{}
	for _, c := range botocoreCases(t, 600, 4) {
		verifier := c.verifier(t)
		got, err := verifier.Verify(t.Context(), c.request(), c.Now)
		if err != nil {
			t.Errorf("%v: %s", &c, explain(err))
			continue
		}
		payloads[got.Payload]++
		if got.AccessKeyID != c.AccessKey || got.Principal.ARN != "arn:of:"+c.AccessKey || got.Service != c.Service || got.Region != c.Region ||
			got.Presigned != c.Presigned || !got.SignedAt.Equal(c.Now.Truncate(time.Second)) || !slices.Contains(got.SignedHeaders, "host") {
			t.Errorf("%v: the outcome is %+v", &c, got)
		}
		if c.Presigned && got.GoodUntil.Sub(got.SignedAt) != time.Duration(c.Expires)*time.Second {
			t.Errorf("%v: good until %v", &c, got.GoodUntil)
		}

		withoutBody := c.request()
		withoutBody.Body = sigv4.Body{}
		checkWithoutBody(t, &c, verifier, withoutBody, got)

		for name, changed := range c.changes(got) {
			tried[name]++
			if _, err := verifier.Verify(t.Context(), changed, c.Now); err == nil {
				t.Errorf("%s changed, and it is taken all the same: %+v\nbefore: %v", name, changed, &c)
			} else if refused, ok := errors.AsType[*sigv4.Error](err); !ok {
				t.Errorf("%s changed: %v", name, err)
			} else {
				kinds[refused.Kind]++
				if strings.Contains(refused.DetailedMessage()+refused.Error(), c.Secret) {
					t.Errorf("the secret is in %s", explain(err))
				}
				if c.Token != "" && strings.Contains(refused.DetailedMessage()+refused.Error(), c.Token) {
					t.Errorf("the session token is in %s", explain(err))
				}
			}
		}
	}
	t.Logf("payloads %v, changes %v, refused as %v", payloads, tried, kinds)
	for _, kind := range []sigv4.Kind{sigv4.Mismatch, sigv4.PayloadMismatch, sigv4.WrongScope, sigv4.Expired, sigv4.NotYetCurrent, sigv4.UnknownKey, sigv4.WrongToken, sigv4.NotCovered, sigv4.NotSigned} {
		if kinds[kind] == 0 {
			t.Errorf("no change was refused as %s", kind)
		}
	}
	if payloads[sigv4.PayloadVerified] == 0 || payloads[sigv4.PayloadUnsigned] == 0 {
		t.Errorf("not every kind of payload came up: %v", payloads)
	}
}

// checkWithoutBody: with the headers alone, a signature is good and the body is left
// to the caller, or it cannot be told.
func checkWithoutBody(t *testing.T, c *botocoreCase, verifier *sigv4.Verifier, r *sigv4.Request, whole *sigv4.Verified) {
	t.Helper()
	got, err := verifier.Verify(t.Context(), r, c.Now)
	refused, _ := errors.AsType[*sigv4.Error](err)
	declared := header(r, "x-amz-content-sha256") != nil
	switch {
	case err == nil && whole.Payload == sigv4.PayloadUnsigned && got.Payload == sigv4.PayloadUnsigned:
	case err == nil && whole.Payload == sigv4.PayloadVerified && got.Payload == sigv4.PayloadToCheck && got.PayloadHash == whole.PayloadHash && (declared || len(c.Body) == 0):
	case refused != nil && refused.Kind == sigv4.BodyNeeded && !declared && len(c.Body) > 0:
	default:
		t.Errorf("%v without its body: %+v, %v", c, got, err)
	}
}

// changes are the request with one thing changed, none of which may be taken.
func (c *botocoreCase) changes(good *sigv4.Verified) map[string]*sigv4.Request {
	changes := map[string]*sigv4.Request{}
	change := func(name string, to func(r *sigv4.Request)) {
		r := c.request()
		r.Headers = slices.Clone(r.Headers)
		to(r)
		changes[name] = r
	}
	change("method", func(r *sigv4.Request) { r.Method += "X" })
	change("method's case", func(r *sigv4.Request) { r.Method = strings.ToLower(r.Method) })
	change("path's end", func(r *sigv4.Request) { r.Path += "x" })
	if !strings.Contains(c.Path, "..") {
		change("path's begin", func(r *sigv4.Request) { r.Path = "/x" + r.Path })
	}
	change("escape in the path", func(r *sigv4.Request) { r.Path += "%00" })
	change("slash at the path's end", func(r *sigv4.Request) { r.Path += "/x/" })
	change("one more parameter", func(r *sigv4.Request) { r.Query += "&zz=1" })
	if c.Query != "" {
		change("no query", func(r *sigv4.Request) { r.Query = "" })
		for i, pair := range strings.Split(c.Query, "&") {
			change(fmt.Sprintf("value of parameter %d", i), func(r *sigv4.Request) {
				pairs := strings.Split(c.Query, "&")
				pairs[i] = pair + "%00"
				r.Query = strings.Join(pairs, "&")
			})
		}
	}
	change("host", func(r *sigv4.Request) { r.Host = "x" + r.Host })
	change("port", func(r *sigv4.Request) { r.Host += "1" })
	for _, name := range good.SignedHeaders {
		if name == "host" || name == "authorization" {
			continue
		}
		change("header "+name, func(r *sigv4.Request) { *header(r, name) += "\x01" })
		change("one more header "+name, func(r *sigv4.Request) { r.Headers = append(r.Headers, sigv4.Header{Name: name, Value: "x"}) })
		change("no header "+name, func(r *sigv4.Request) {
			r.Headers = slices.DeleteFunc(r.Headers, func(h sigv4.Header) bool { return strings.EqualFold(h.Name, name) })
		})
	}
	change("one more x-amz- header", func(r *sigv4.Request) {
		r.Headers = append(r.Headers, sigv4.Header{Name: "X-Amz-Invocation-Type", Value: "Event"})
	})
	if good.Payload != sigv4.PayloadUnsigned {
		change("body", func(r *sigv4.Request) { r.Body = sigv4.BodyBytes(append([]byte("x"), c.Body...)) })
		change("unsigned payload", func(r *sigv4.Request) {
			r.Headers = append(slices.DeleteFunc(r.Headers, func(h sigv4.Header) bool { return strings.EqualFold(h.Name, "x-amz-content-sha256") }),
				sigv4.Header{Name: "X-Amz-Content-Sha256", Value: "UNSIGNED-PAYLOAD"})
		})
	}
	if c.Token != "" {
		change("another token", func(r *sigv4.Request) { replaceSignature(r, "token%2F", "token%2Fx"); replaceToken(r, "another") })
		change("no token", func(r *sigv4.Request) {
			r.Headers = slices.DeleteFunc(r.Headers, func(h sigv4.Header) bool { return strings.EqualFold(h.Name, "x-amz-security-token") })
			r.Query = withoutParameter(r.Query, "X-Amz-Security-Token")
		})
	} else if !c.Presigned {
		change("a token", func(r *sigv4.Request) {
			r.Headers = append(r.Headers, sigv4.Header{Name: "X-Amz-Security-Token", Value: "mine"})
			replaceSignature(r, ";x-amz-date", ";x-amz-date;x-amz-security-token")
		})
	}
	change("signature", func(r *sigv4.Request) { flipSignature(r) })
	change("access key", func(r *sigv4.Request) { replaceSignature(r, c.AccessKey, otherKey) })
	change("unknown access key", func(r *sigv4.Request) { replaceSignature(r, c.AccessKey, "AKIDNOBODY") })
	change("region", func(r *sigv4.Request) { replaceSignature(r, c.Region, "eu-east-9") })
	change("service", func(r *sigv4.Request) { replaceSignature(r, c.Service+slash(c), "s3"+slash(c)) })
	change("scope's end", func(r *sigv4.Request) { replaceSignature(r, "aws4_request", "aws5_request") })
	change("scope's day", func(r *sigv4.Request) {
		replaceSignature(r, slash(c)+c.Now.Format("20060102")+slash(c), slash(c)+"20200101"+slash(c))
	})
	change("algorithm", func(r *sigv4.Request) { replaceSignature(r, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256") })
	change("host signed", func(r *sigv4.Request) {
		if len(good.SignedHeaders) > 1 {
			replaceSignature(r, "host", "hosu")
		} else {
			replaceSignature(r, "SignedHeaders=host", "SignedHeaders=hosu")
		}
	})
	change("no signature", func(r *sigv4.Request) {
		r.Headers = slices.DeleteFunc(r.Headers, func(h sigv4.Header) bool { return strings.EqualFold(h.Name, "authorization") })
		for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"} {
			r.Query = withoutParameter(r.Query, name)
		}
	})
	for name, at := range map[string]time.Time{"a day earlier": c.Now.Add(-24 * time.Hour), "a second later": c.Now.Add(time.Second), "ten minutes later": c.Now.Add(10 * time.Minute), "eight days earlier": c.Now.AddDate(0, 0, -8)} {
		change("date: "+name, func(r *sigv4.Request) {
			stamp := at.UTC().Format("20060102T150405Z")
			if c.Presigned {
				r.Query = withoutParameter(r.Query, "X-Amz-Date") + "&X-Amz-Date=" + stamp
			} else if h := header(r, "x-amz-date"); h != nil {
				*h = stamp
			} else {
				*header(r, "date") = stamp
			}
		})
	}
	if c.Presigned {
		change("expires", func(r *sigv4.Request) {
			r.Query = withoutParameter(r.Query, "X-Amz-Expires") + "&X-Amz-Expires=604799"
		})
		change("no expires", func(r *sigv4.Request) { r.Query = withoutParameter(r.Query, "X-Amz-Expires") })
		change("both forms", func(r *sigv4.Request) {
			r.Headers = append(r.Headers, sigv4.Header{Name: "Authorization", Value: "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0"})
		})
	} else {
		change("both forms", func(r *sigv4.Request) { r.Query += "&X-Amz-Algorithm=AWS4-HMAC-SHA256" })
	}
	return changes
}

// slash is what a slash of the credential looks like where the signature is.
func slash(c *botocoreCase) string {
	if c.Presigned {
		return "%2F"
	}
	return "/"
}

// replaceSignature changes the Authorization header or the signature's parameters.
func replaceSignature(r *sigv4.Request, old, by string) {
	if h := header(r, "authorization"); h != nil {
		*h = strings.Replace(*h, old, by, 1)
		return
	}
	at := strings.Index(r.Query, "X-Amz-Algorithm=")
	r.Query = r.Query[:at] + strings.Replace(r.Query[at:], old, by, 1)
}

func replaceToken(r *sigv4.Request, by string) {
	if h := header(r, "x-amz-security-token"); h != nil {
		*h = by
	}
}

func flipSignature(r *sigv4.Request) {
	flip := func(text string) string {
		last := byte('0')
		if text[len(text)-1] == last {
			last = '1'
		}
		return text[:len(text)-1] + string(last)
	}
	if h := header(r, "authorization"); h != nil {
		*h = flip(*h)
		return
	}
	r.Query = flip(r.Query)
}

func withoutParameter(query, name string) string {
	pairs := slices.DeleteFunc(strings.Split(query, "&"), func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	return strings.Join(pairs, "&")
}
