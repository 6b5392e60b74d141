package redis

import (
	"testing"
	"time"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
)

// TestClockOfRedisJumps sets the clock of a real Redis, which its expiry goes by as well:
// what is forgotten ahead of time would be a fresh quota when the clock is set right.
func TestClockOfRedisJumps(t *testing.T) {
	noon := time.Date(2030, time.January, 15, 12, 0, 0, 0, time.UTC)
	server := redistest.StartClocked(t, noon)
	s := open(t, Options{URL: server.URL(), OverLimit: -1})
	const limit = 5
	want := func(at time.Time, ask ratelimit.Ask, granted int64) {
		t.Helper()
		server.SetClock(at)
		answers, err := s.Take(t.Context(), []ratelimit.Ask{ask})
		if err != nil {
			t.Fatal(err)
		}
		if answers[0].Granted != granted {
			t.Errorf("%s at %s: granted %d of %d, want %d", ask.Counter, at.Format(time.RFC3339), answers[0].Granted, ask.Hits, granted)
		}
	}
	day := func(hits int64) ratelimit.Ask {
		return ratelimit.Ask{Counter: "day", Window: &ratelimit.Window{Limit: limit, Period: ratelimit.Day}, Hits: hits, Partial: true}
	}
	month := func(hits int64) ratelimit.Ask {
		return ratelimit.Ask{Counter: "month", Window: &ratelimit.Window{Limit: limit, Period: ratelimit.Month}, Hits: hits, Partial: true}
	}
	tokens := ratelimit.Ask{Counter: "tokens", Bucket: &ratelimit.Bucket{Rate: 0.01, Burst: limit}, Hits: 2 * limit, Partial: true}
	const hour, aDay = time.Hour, 24 * time.Hour

	// Within a day, and beyond its end and back: what is used up stays so.
	want(noon, day(3), 3)
	want(noon.Add(-2*hour), day(9), 2)
	want(noon.Add(hour), day(9), 0)
	want(noon.Add(30*hour), day(0), 0)
	want(noon, day(9), 0)
	want(noon.Add(aDay), day(9), limit)
	want(noon, day(9), 0)
	want(noon.Add(aDay), day(9), 0)
	// A clock that is set back into the day before, where something is left, and that goes on.
	want(noon.Add(2*aDay), day(3), 3)
	want(noon.Add(3*aDay), day(9), limit)
	want(noon.Add(2*aDay), day(9), 2)
	want(noon.Add(3*aDay-11*hour), day(9), 0)
	want(noon.Add(3*aDay+11*hour), day(9), 0)
	want(noon.Add(4*aDay), day(9), limit)

	// February is shorter than what follows.
	february := time.Date(2030, time.February, 10, 0, 0, 0, 0, time.UTC)
	want(february.AddDate(0, 1, 0), month(9), limit)
	want(february, month(9), limit)
	want(time.Date(2030, time.March, 31, 23, 0, 0, 0, time.UTC), month(9), 0)
	want(february.AddDate(0, 2, 0), month(9), limit)

	// Only a jump ahead refills a bucket, and none keeps it empty.
	want(noon, tokens, limit)
	want(noon.Add(-hour), tokens, 0)
	want(noon.Add(-hour+101*time.Second), tokens, 1)
	want(noon.Add(aDay), tokens, limit)
	want(noon, tokens, 0)
	want(noon.Add(101*time.Second), tokens, 1)
}
