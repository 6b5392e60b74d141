package ratelimit

import (
	"context"
	"time"

	"gatehouse/gateway"
)

// A Store holds the state of limits: token buckets, counts of calendar periods, and
// usage. Several services may work on one store at a time. Its clock is the only one
// that matters: two services whose clocks differ do not disagree about a limit.
type Store interface {
	// Take carries out asks in their order, each atomically on its own counter, and
	// answers each in the same place. A store that fails says so for all of them, or by a
	// PartialError which are not carried out.
	Take(ctx context.Context, asks []Ask) ([]Answer, error)
	// SetRemaining makes a counter of a period have so much left in the current one,
	// however much was used. It is how a quota is extended.
	SetRemaining(ctx context.Context, counter string, limit Window, remaining int64) error
	// AddUsage adds to the counts of usage. The day is the store's own. It fails as Take
	// does.
	AddUsage(ctx context.Context, counts []Usage) error
	// Usage reads the counts of a plan from one day to another, both included, sorted
	// by day, key, API and stage. An empty plan means all.
	Usage(ctx context.Context, plan string, from, to time.Time) ([]DayUsage, error)
	// NoteQuotas looks at what quotas have left, and remembers it for the store's day. Of
	// a day the last note stands.
	NoteQuotas(ctx context.Context, notes []QuotaNote) error
	// Quotas reads the notes about a plan from one day to another, both included, sorted
	// by day and key.
	Quotas(ctx context.Context, plan string, from, to time.Time) ([]DayQuota, error)
	// NamePlans remembers the names of plans, by their ids, for as long as usage of today.
	NamePlans(ctx context.Context, names map[string]string) error
	// PlanNames gives the names of those of the plans that it remembers, by their ids.
	PlanNames(ctx context.Context, ids []string) (map[string]string, error)
}

// A PartialError says that what is in Failed, by places in their order, was not carried
// out, and the rest was: a store may be of several servers of which one fails.
type PartialError struct {
	Failed []int
	Err    error
}

func (e *PartialError) Error() string { return e.Err.Error() }

// Unwrap gives why it failed.
func (e *PartialError) Unwrap() error { return e.Err }

// At is what a list has in some places.
func At[T any](list []T, places []int) []T {
	some := make([]T, len(places))
	for i, place := range places {
		some[i] = list[place]
	}
	return some
}

// An Ask wants hits of a limit. One of Bucket and Window is set.
type Ask struct {
	// Counter tells whose hits are counted. It must not depend on rates or limits:
	// what was counted stays when those are changed.
	Counter string
	Bucket  *Bucket
	Window  *Window
	// Hits that are wanted; 0 only looks, negative ones are given back.
	Hits int64
	// Partial takes as many as there are, when not all are. Otherwise it is all or none.
	Partial bool
	// Always counts the hits even beyond the limit: they have happened already.
	Always bool
	// Refusable says of Always that the hits have not happened yet: they need not be
	// counted any more where the count is beyond the limit already.
	Refusable bool
	// Failure is what holds when the state can't be asked; empty is FailLocal. A store
	// that only keeps state need not look at it, the one around it (fallback) does.
	Failure gateway.FailureMode
}

// Bucket is a token bucket. It begins full.
type Bucket struct {
	// Rate is the tokens a second that come in, Burst the most that it holds.
	Rate  float64
	Burst int64
}

// Window counts in calendar periods (UTC). A count begins anew with each.
type Window struct {
	Limit  int64
	Period Period
	// Offset counts as used in the first period that a counter is ever asked for.
	Offset int64
}

// Period is what a count is of: a unit of the calendar, or so many days. Weeks of the
// calendar begin on Sunday.
type Period string

// The periods of quotas, and the shorter ones that descriptor files use.
const (
	Second Period = "SECOND"
	Minute Period = "MINUTE"
	Hour   Period = "HOUR"
	Day           = Period(gateway.QuotaDay)
	Week          = Period(gateway.QuotaWeek)
	Month         = Period(gateway.QuotaMonth)
	Year   Period = "YEAR"
	// The reference rate limit service has no calendar: its weeks, months and years are
	// so many days, counted from the beginning of 1970.
	Days7   Period = "DAYS_7"
	Days30  Period = "DAYS_30"
	Days365 Period = "DAYS_365"
)

// An Answer says what an Ask got.
type Answer struct {
	// Granted is how many hits were taken.
	Granted int64
	// Remaining is how many are left now; below 0 when more were counted than allowed.
	Remaining int64
	// Reset is the time until the period ends, or until the bucket has a token again
	// (0 when it has one).
	Reset time.Duration
	// Open: the state can't be asked, and the limit is one that lets everything through
	// then. The hits are counted later.
	Open bool
}

// Usage is what a key was seen to use.
type Usage struct {
	// Plan is a plan's id.
	Plan, Key, API, Stage string
	// Allowed requests went on, Denied ones were over a quota.
	Allowed, Denied int64
}

// DayUsage is the usage of one day.
type DayUsage struct {
	// Day is midnight UTC.
	Day time.Time
	Usage
}

// QuotaNote is a quota that a note is to be made of.
type QuotaNote struct {
	// Plan is a plan's id. An empty key stands for one that has used nothing yet: then
	// there is no counter.
	Plan, Key string
	Counter   string
	Window    Window
}

// Check is an error when a store can't make the note, whatever its state.
func (n *QuotaNote) Check() error { return n.Ask().Check() }

// Ask looks at what is left.
func (n *QuotaNote) Ask() *Ask { return &Ask{Counter: n.Counter, Window: &n.Window} }

// DayQuota is what a key had left at the end of a day, or has now, and the quota of that
// day.
type DayQuota struct {
	// Day is midnight UTC.
	Day       time.Time
	Plan, Key string
	Limit     int64
	Remaining int64
	Period    Period
}
