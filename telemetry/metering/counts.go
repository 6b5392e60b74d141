package metering

import (
	"cmp"
	"strings"
	"time"
)

// Of is what is counted together.
type Of struct {
	API, Protocol, Stage string
	// Key is the name of the API key that the calls came with, empty for none.
	Key string
	// CacheBytes is the size of the stage's cache for minutes of a cache, else 0.
	CacheBytes int64
}

// Counts are what bills are made of.
type Counts struct {
	// Calls are those that are charged for, Free those that are not: Amazon asks nothing for
	// what it refused to authorize, or throttled.
	Calls uint64 `json:"calls,omitempty"`
	Free  uint64 `json:"free,omitempty"`
	// CallSteps are charged calls, each as often as it has begun steps of CallStep bytes.
	CallSteps uint64 `json:"callSteps,omitempty"`
	// BytesIn and BytesOut are those of all requests and answers, headers included.
	BytesIn  uint64 `json:"bytesIn,omitempty"`
	BytesOut uint64 `json:"bytesOut,omitempty"`
	// Messages went over WebSocket connections, either way; MessageSteps are they, each as
	// often as it has begun steps of MessageStep bytes.
	Messages     uint64 `json:"messages,omitempty"`
	MessageSteps uint64 `json:"messageSteps,omitempty"`
	// ConnectionSeconds is how long WebSocket connections lasted that have ended.
	ConnectionSeconds uint64 `json:"connectionSeconds,omitempty"`
	// CacheMinutes is how long a stage had a cache.
	CacheMinutes uint64 `json:"cacheMinutes,omitempty"`
}

// named is the count that has a name in JSON, which is in quotes; nil where there is none.
func (c *Counts) named(name string) *uint64 {
	switch name {
	case `"calls"`:
		return &c.Calls
	case `"free"`:
		return &c.Free
	case `"callSteps"`:
		return &c.CallSteps
	case `"bytesIn"`:
		return &c.BytesIn
	case `"bytesOut"`:
		return &c.BytesOut
	case `"messages"`:
		return &c.Messages
	case `"messageSteps"`:
		return &c.MessageSteps
	case `"connectionSeconds"`:
		return &c.ConnectionSeconds
	case `"cacheMinutes"`:
		return &c.CacheMinutes
	}
	return nil
}

// What Amazon meters calls of HTTP APIs and messages of WebSocket APIs in, in bytes.
// See https://aws.amazon.com/api-gateway/pricing/
const (
	CallStep    = 512 << 10
	MessageStep = 32 << 10
)

// Steps is in how many steps of a size something is counted that has so many bytes: one at
// least.
func Steps(bytes, step uint64) uint64 { return max(1, bytes/step+min(1, bytes%step)) }

// Add adds what else was counted.
func (c *Counts) Add(more Counts) {
	c.Calls += more.Calls
	c.Free += more.Free
	c.CallSteps += more.CallSteps
	c.BytesIn += more.BytesIn
	c.BytesOut += more.BytesOut
	c.Messages += more.Messages
	c.MessageSteps += more.MessageSteps
	c.ConnectionSeconds += more.ConnectionSeconds
	c.CacheMinutes += more.CacheMinutes
}

// Line is what was counted on a day, or in a month.
type Line struct {
	// Day is its beginning, in UTC.
	Day time.Time
	Of
	Counts
}

// compareOf orders lines of a day.
func compareOf(a, b Of) int {
	return cmp.Or(
		strings.Compare(a.API, b.API), strings.Compare(a.Stage, b.Stage), strings.Compare(a.Key, b.Key),
		strings.Compare(a.Protocol, b.Protocol), cmp.Compare(a.CacheBytes, b.CacheBytes),
	)
}
