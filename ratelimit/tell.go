package ratelimit

import (
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/internal/wire"
)

// What is told of limits beyond the answer goes to Envoy as dynamic metadata: there it is
// for logs, for headers of responses, and for replies that an API words itself, which
// forget the headers of the answer.

// farAway is a reset that is nobody's: the limit lets nothing through at all.
const farAway = 10 * 365 * 24 * time.Hour

// maxStructuredInteger is the greatest number that a header of this form may have (RFC 9651).
const maxStructuredInteger = 999_999_999_999_999

// metadata is what Envoy gets to know besides the answer; nil when that is nothing.
func (c *call) metadata(answers []Answer) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	if c.refused != nil {
		c.refusal(answers, fields)
	}
	c.numbers(answers, fields)
	if len(fields) == 0 {
		return nil
	}
	return &structpb.Struct{Fields: fields}
}

// refusal says why, and when to come again.
func (c *call) refusal(answers []Answer, fields map[string]*structpb.Value) {
	code, errorType := wire.RefusedByThrottle, "TooManyRequestsException"
	if c.refused.Quota != nil {
		code, errorType = wire.RefusedByQuota, "LimitExceededException"
	}
	fields[wire.AnswerCode], fields[wire.ToldErrorType] = structpb.NewStringValue(code), structpb.NewStringValue(errorType)
	fields[wire.ToldKind] = structpb.NewStringValue(c.refused.kind)
	wait := time.Duration(0)
	for i, over := range c.over {
		if over {
			wait = max(wait, answers[i].Reset)
		}
	}
	if wait < farAway {
		fields[wire.ToldRetryAfter] = structpb.NewStringValue(strconv.FormatInt(max(1, seconds(wait)), 10))
	}
}

// numbers says what remains of those limits that it was asked of: of the caller's key
// where there are any.
func (c *call) numbers(answers []Answer, fields map[string]*structpb.Value) {
	tell, ofKey := false, false
	for i := range c.limits {
		tell, ofKey = tell || c.limits[i].tell, ofKey || c.limits[i].tell && c.limits[i].ofKey()
	}
	if !tell {
		return
	}
	var list, policy strings.Builder
	var closest *told
	for i := range c.limits {
		limit := &c.limits[i]
		if !limit.tell || limit.ofKey() != ofKey {
			continue
		}
		t := limit.told(&c.asks[i], &answers[i], !c.over[i] && c.refused != nil)
		t.write(&list, &policy)
		// A refusal has its own numbers: that is what the client asks about.
		if closest == nil || limit == c.refused || t.remaining < closest.remaining && !closest.refuses {
			t.refuses = limit == c.refused
			closest = &t
		}
	}
	if closest == nil {
		return
	}
	text := func(n int64) *structpb.Value { return structpb.NewStringValue(strconv.FormatInt(n, 10)) }
	fields[wire.ToldLimit], fields[wire.ToldRemaining] = text(closest.limit), text(closest.remaining)
	if closest.reset >= 0 {
		fields[wire.ToldReset] = text(closest.reset)
	}
	fields[wire.ToldList], fields[wire.ToldPolicy] = structpb.NewStringValue(list.String()), structpb.NewStringValue(policy.String())
	fields[wire.ToldOfKey] = structpb.NewBoolValue(ofKey)
}

// told is what a client may know of a limit, in seconds.
type told struct {
	name             string
	limit, remaining int64
	// reset is when all of the limit is there again, and window how long that takes at
	// most; below 0 when never.
	reset, window int64
	refuses       bool
}

// told makes it of an answer. givenBack tells that what was granted is not used after all.
func (a *asked) told(ask *Ask, answer *Answer, givenBack bool) told {
	t := told{name: a.kind, remaining: max(0, answer.Remaining), reset: -1, window: -1}
	if givenBack {
		t.remaining += max(0, ask.Hits)
	}
	if q := a.Quota; q != nil {
		t.limit, t.reset = q.Limit, seconds(answer.Reset)
		// The period that it is for the store, whose clock counts.
		begin, end := Period(q.Period).Bounds(time.Now().Add(answer.Reset - time.Second))
		t.window = seconds(end.Sub(begin))
		return t
	}
	t.limit = a.Throttle.Burst
	if rate := a.Throttle.Rate; rate > 0 && float64(t.limit)/rate < farAway.Seconds() {
		t.window = int64(math.Ceil(float64(t.limit) / rate))
		t.reset = int64(math.Ceil(float64(max(0, t.limit-t.remaining)) / rate))
	}
	return t
}

// write adds the limit to the values of RateLimit and RateLimit-Policy.
func (t *told) write(list, policy *strings.Builder) {
	item := func(to *strings.Builder, name string, n int64) {
		if n >= 0 {
			to.WriteString(";" + name + "=" + strconv.FormatInt(min(n, maxStructuredInteger), 10))
		}
	}
	for _, to := range []*strings.Builder{list, policy} {
		if to.Len() > 0 {
			to.WriteString(", ")
		}
		to.WriteString(`"` + t.name + `"`)
	}
	item(list, "r", t.remaining)
	item(list, "t", t.reset)
	item(policy, "q", t.limit)
	item(policy, "w", t.window)
}

// ofKey reports whether the limit is one of a key's.
func (a *asked) ofKey() bool {
	return a.kind == wire.LimitQuota || a.kind == wire.LimitKeyRoute || a.kind == wire.LimitKeyPlan
}

// seconds rounds up: who comes sooner is refused again.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
