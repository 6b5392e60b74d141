package cost

import (
	"math/big"
	"strings"

	"gatehouse/telemetry/metering"
)

// Meter is something that is metered, and can have a price.
type Meter string

// What there is.
const (
	// Calls are requests that were let in, CallSteps the same in steps of 512 KiB.
	Calls     Meter = "calls"
	CallSteps Meter = "callSteps"
	// Messages are those of WebSocket APIs, either way; MessageSteps the same in steps of
	// 32 KiB.
	Messages          Meter = "messages"
	MessageSteps      Meter = "messageSteps"
	ConnectionMinutes Meter = "connectionMinutes"
	// CacheHours are those of caches of stages, by size.
	CacheHours Meter = "cacheHours"
	// GigabytesIn and GigabytesOut are 1e9 bytes each, of requests and of answers.
	GigabytesIn  Meter = "gigabytesIn"
	GigabytesOut Meter = "gigabytesOut"
)

var meters = []Meter{Calls, CallSteps, Messages, MessageSteps, ConnectionMinutes, CacheHours, GigabytesIn, GigabytesOut}

func meterNames() string {
	names := make([]string, len(meters))
	for i, m := range meters {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}

// amount is how much of it was counted.
func (m Meter) amount(c *metering.Counts) *big.Rat {
	of := func(count uint64, per int64) *big.Rat {
		return new(big.Rat).SetFrac(new(big.Int).SetUint64(count), big.NewInt(per))
	}
	switch m {
	case Calls:
		return of(c.Calls, 1)
	case CallSteps:
		return of(c.CallSteps, 1)
	case Messages:
		return of(c.Messages, 1)
	case MessageSteps:
		return of(c.MessageSteps, 1)
	case ConnectionMinutes:
		return of(c.ConnectionSeconds, 60)
	case CacheHours:
		return of(c.CacheMinutes, 60)
	case GigabytesIn:
		return of(c.BytesIn, 1e9)
	case GigabytesOut:
		return of(c.BytesOut, 1e9)
	}
	return new(big.Rat)
}
