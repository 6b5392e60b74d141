package translator

import (
	"math"
	"strconv"
	"time"

	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
)

// A bucketClass is what all buckets of the same rate and burst have in common. Filters
// know classes, routes say which class each of their buckets is of: buckets outlive
// changes of routes that way, and new buckets of a known class change no filter.
type bucketClass struct {
	rate  float64
	burst int64
}

// envoyKeeps says what an Envoy keeps of a throttle by itself.
type envoyKeeps int

const (
	// noBucket: nothing is limited, or the rate limit service alone does that.
	noBucket envoyKeeps = iota
	// noToken: nothing gets through. All throttles of this kind are one.
	noToken
	// aBucket of the throttle's class.
	aBucket
)

// bucketOf finds it. Of a shared throttle with the failure mode local each Envoy keeps a
// bucket, too: without the service it lets through no more than the whole limit.
func bucketOf(t *gateway.Throttle) (bucketClass, envoyKeeps) {
	if t == nil || t.Shared && t.FailureMode != gateway.FailLocal {
		return bucketClass{}, noBucket
	}
	if t.Rate <= 0 || t.Burst <= 0 {
		return bucketClass{}, noToken
	}
	return bucketClass{t.Rate, t.EnvoyBurst()}, aBucket
}

func (c bucketClass) String() string {
	return strconv.FormatFloat(c.rate, 'g', -1, 64) + ":" + strconv.FormatInt(c.burst, 10)
}

// A planClass is that of the buckets that a usage plan has for its keys. twin tells the
// plan from others of the same class that have a key in common with it.
type planClass struct {
	bucketClass
	twin int
}

// keyClassOf names the class of the bucket that a usage plan's throttle makes for each key.
func keyClassOf(t *gateway.Throttle, twin int) string {
	switch class, keeps := bucketOf(t); keeps {
	case noToken:
		return planStopped
	case aBucket:
		return planClass{class, twin}.String()
	}
	return planUnlimited
}

func (c planClass) String() string {
	if c.twin == 0 {
		return c.bucketClass.String()
	}
	return c.bucketClass.String() + "#" + strconv.Itoa(c.twin)
}

const (
	// maxTokens is what fits into Envoy's numbers.
	maxTokens = math.MaxUint32
	// longestFill bounds the time that a rate is stated for: 10^9 seconds, 31 years.
	longestFill = 1_000_000_000
)

// tokenBucket states the class for Envoy, which wants whole tokens in an interval and
// fills the bucket steadily, whatever the interval. It is a power of ten of seconds: the
// first for which the tokens come out whole. Else half a token is the error, in the
// longest interval that Envoy's numbers allow: nothing for rates below four that have up
// to nine decimals; two billionths of a greater rate; less than 0.05 % down to a request
// in eleven days (0.000001).
func (c bucketClass) tokenBucket() *typev3.TokenBucket {
	seconds := 1.0
	for !whole(c.rate*seconds) && seconds < longestFill && c.rate*seconds*10 <= maxTokens {
		seconds *= 10
	}
	return &typev3.TokenBucket{
		MaxTokens:     uint32(min(max(c.burst, 1), maxTokens)),
		TokensPerFill: uint32Value(uint32(min(max(math.Round(c.rate*seconds), 1), maxTokens))),
		FillInterval:  durationpb.New(time.Duration(seconds) * time.Second),
	}
}

// whole allows for what multiplying a decimal fraction adds to it.
func whole(x float64) bool {
	return x >= 1 && math.Abs(x-math.Round(x)) <= 1e-12*x
}
