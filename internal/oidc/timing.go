package oidc

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime is how long an answer is good for, by its Cache-Control and Age, within
// the bounds. The other ways of HTTP to say so are not looked at.
func (t Timing) lifetime(h http.Header) time.Duration {
	d := t.Refresh
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return t.RefreshMin
		case "max-age":
			if age, ok := seconds(strings.Trim(value, `"`)); ok {
				already, _ := seconds(strings.TrimSpace(h.Get("Age")))
				d = age - already
			}
		}
	}
	return min(max(d, t.RefreshMin), t.RefreshMax)
}

// seconds reads a number of seconds, however large.
func seconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	const large = 100 * 365 * 24 * 3600
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > large {
		n = large
	}
	return time.Duration(n) * time.Second, true
}

// backoff is the pause after so many failures in a row.
func (t Timing) backoff(failures int) time.Duration {
	d := t.RetryMin
	for range failures - 1 {
		if d >= t.RetryMax {
			break
		}
		d *= 2
	}
	return min(d, t.RetryMax)
}

// jittered is up to a tenth sooner, so that many control planes and many issuers do
// not fall into step.
func jittered(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/10+1))
}
