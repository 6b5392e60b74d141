package oidc

import (
	"net/http"
	"testing"
	"time"
)

func TestLifetime(t *testing.T) {
	timing := Timing{}.orDefaults()
	for _, c := range []struct {
		cacheControl []string
		age          string
		want         time.Duration
	}{
		{nil, "", 5 * time.Minute},
		{[]string{"public"}, "", 5 * time.Minute},
		{[]string{"public, max-age=600"}, "", 10 * time.Minute},
		{[]string{"public", "MAX-AGE=\"600\""}, "", 10 * time.Minute},
		{[]string{"max-age=600"}, "240", 6 * time.Minute},
		{[]string{"max-age=600"}, "soon", 10 * time.Minute},
		{[]string{"max-age=1"}, "", time.Minute},
		{[]string{"max-age=0"}, "", time.Minute},
		{[]string{"max-age=600"}, "9999", time.Minute},
		{[]string{"max-age=86400"}, "", 2 * time.Hour},
		{[]string{"max-age=99999999999999999999999999"}, "", 2 * time.Hour},
		{[]string{"max-age=-5"}, "", 5 * time.Minute},
		{[]string{"max-age="}, "", 5 * time.Minute},
		{[]string{"no-store, max-age=600"}, "", time.Minute},
		{[]string{"no-cache"}, "", time.Minute},
	} {
		h := http.Header{"Cache-Control": c.cacheControl}
		if c.age != "" {
			h.Set("Age", c.age)
		}
		if got := timing.lifetime(h); got != c.want {
			t.Errorf("%q, Age %q: %v, want %v", c.cacheControl, c.age, got, c.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	timing := Timing{}.orDefaults()
	for failures, want := range map[int]time.Duration{
		1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second, 8: 256 * time.Second, 9: 5 * time.Minute, 1 << 40: 5 * time.Minute,
	} {
		if got := timing.backoff(failures); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
	}
	for range 1000 {
		if d := jittered(time.Minute); d > time.Minute || d < 54*time.Second {
			t.Fatalf("a minute became %v", d)
		}
	}
}
