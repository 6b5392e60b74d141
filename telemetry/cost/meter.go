package cost

import (
	"math/big"
	"slices"

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

// metered tells for each meter which count it goes by, and how many of that make one.
var metered = []struct {
	meter Meter
	count func(*metering.Counts) uint64
	per   int64
}{
	{Calls, func(c *metering.Counts) uint64 { return c.Calls }, 1},
	{CallSteps, func(c *metering.Counts) uint64 { return c.CallSteps }, 1},
	{Messages, func(c *metering.Counts) uint64 { return c.Messages }, 1},
	{MessageSteps, func(c *metering.Counts) uint64 { return c.MessageSteps }, 1},
	{ConnectionMinutes, func(c *metering.Counts) uint64 { return c.ConnectionSeconds }, 60},
	{CacheHours, func(c *metering.Counts) uint64 { return c.CacheMinutes }, 60},
	{GigabytesIn, func(c *metering.Counts) uint64 { return c.BytesIn }, 1e9},
	{GigabytesOut, func(c *metering.Counts) uint64 { return c.BytesOut }, 1e9},
}

// known reports whether there is such a meter.
func (m Meter) known() bool {
	return slices.Contains(meterNames(), string(m))
}

func meterNames() []string {
	names := make([]string, len(metered))
	for i := range metered {
		names[i] = string(metered[i].meter)
	}
	return names
}

// counted is the count that it goes by, and how many of that make one.
func (m Meter) counted() (count func(*metering.Counts) uint64, per int64) {
	for _, of := range metered {
		if of.meter == m {
			return of.count, of.per
		}
	}
	return func(*metering.Counts) uint64 { return 0 }, 1
}

// Amount is how much of it there is in what was counted.
func (m Meter) Amount(c *metering.Counts) *big.Rat {
	count, per := m.counted()
	return ratio(count(c), per)
}

func ratio(n uint64, per int64) *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(n), big.NewInt(per))
}
