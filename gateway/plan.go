package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"time"
)

// APIKey is a named key.
type APIKey struct {
	Name string
	// Values are what clients send: one, or two while the key is being replaced.
	Values   []Secret
	Disabled bool
	// Labels are what usage plans may choose keys by, Plans those that the key itself names.
	Labels map[string]string
	Plans  []string
	Source Position
}

// UsagePlan gives API keys access to stages, within limits that each key has for
// itself.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
type UsagePlan struct {
	Name string
	// Throttle bounds what a key asks of all stages of the plan together.
	Throttle *Throttle
	// Quota bounds the same for a calendar period.
	Quota *Quota
	// Uncounted: who called how often is not counted. Only without a quota.
	Uncounted bool
	Stages    []PlanStage
	// Keys by name. KeyLabels adds the keys that have all of these labels; none adds
	// no key.
	Keys      []string
	KeyLabels map[string]string
	Source    Position
}

// PlanStage is a stage that a usage plan gives access to.
type PlanStage struct {
	API, Stage string
	// Routes that have a throttle of their own, for each key.
	Routes []RouteThrottle
	Source Position
}

// Stage finds the plan's entry for a stage, or nil.
func (p *UsagePlan) Stage(api, stage string) *PlanStage {
	for i := range p.Stages {
		if at := &p.Stages[i]; at.API == api && at.Stage == stage {
			return at
		}
	}
	return nil
}

// FirstStage is the plan's stage that comes first by name, of which there is to be one: of all
// plans that a key has, no other has it.
func (p *UsagePlan) FirstStage() (api, stage string) {
	first := slices.MinFunc(p.Stages, func(a, b PlanStage) int {
		return cmp.Or(cmp.Compare(a.API, b.API), cmp.Compare(a.Stage, b.Stage))
	})
	return first.API, first.Stage
}

// RouteThrottle is the throttle that each key has for a route; nil means unbounded.
func (s *PlanStage) RouteThrottle(routeKey string) *Throttle {
	for i := range s.Routes {
		if s.Routes[i].RouteKey == routeKey {
			return &s.Routes[i].Throttle
		}
	}
	return nil
}

// RouteThrottle bounds what a key asks of one route.
type RouteThrottle struct {
	// RouteKey is "METHOD /path" or "$default".
	RouteKey string
	Throttle Throttle
	Source   Position
}

// ID stands for the plan in what Envoys and services tell each other. It is made of
// the plan's name and of nothing else: they get their parts of a revision at different
// moments, and an id must not mean another plan in the next one.
func (p *UsagePlan) ID() string {
	sum := sha256.Sum256([]byte(p.Name))
	return hex.EncodeToString(sum[:8])
}

// PlanKeys lists the names of a usage plan's keys: those it names, then those it
// chooses by label or that name it, in the order of the definitions and each once.
func (s *Snapshot) PlanKeys(p *UsagePlan) []string {
	seen := make(map[string]bool, len(p.Keys))
	var names []string
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, name := range p.Keys {
		add(name)
	}
	for i := range s.APIKeys {
		if k := &s.APIKeys[i]; len(p.KeyLabels) > 0 && hasLabels(k.Labels, p.KeyLabels) || slices.Contains(k.Plans, p.Name) {
			add(k.Name)
		}
	}
	return names
}

func hasLabels(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if has, ok := labels[name]; !ok || has != value {
			return false
		}
	}
	return true
}

// Throttle is a token bucket: Rate tokens a second, at most Burst of them saved. A
// rate or a burst of zero lets nothing through.
type Throttle struct {
	Rate  float64
	Burst int64
	// Shared: one bucket for all Envoys of all gateways, kept by the rate limit
	// service. Otherwise every Envoy has a bucket of its own.
	Shared bool
	// Hard: every request is counted at the service before it goes on. Otherwise the
	// Envoys get shares of a shared limit and report what they used of it, off the
	// request path. What is closed is counted as if it were hard: an Envoy could not tell
	// that its share has not come yet from a service that is gone. Only for shared limits.
	Hard bool
	// FailureMode of a shared limit.
	FailureMode FailureMode
	Source      Position
}

// HardLimitTimeout is how long the service may take to answer about a hard limit.
const HardLimitTimeout = 200 * time.Millisecond

// EnvoyBurst is the burst of the bucket that an Envoy has of the throttle. Beside a hard one,
// which it has in case the service does not answer, it takes a token as much later than the
// service as the answer takes. Answers take longer and shorter: what the service grants within
// the rate may come faster than that, and must not be refused here.
func (t *Throttle) EnvoyBurst() int64 {
	if !t.Shared || !t.Hard || t.Rate <= 0 || t.Burst <= 0 {
		return t.Burst
	}
	return t.Burst + int64(math.Ceil(t.Rate*HardLimitTimeout.Seconds()))
}

// FailureMode is what holds for a shared limit while the service that keeps it, or the
// store behind that, does not answer.
type FailureMode string

const (
	// FailLocal holds every Envoy to its share of the limit.
	FailLocal FailureMode = "local"
	// FailOpen lets everything through.
	FailOpen FailureMode = "open"
	// FailClosed lets nothing through.
	FailClosed FailureMode = "closed"
)

// Quota bounds the requests of a key in a calendar period (UTC).
type Quota struct {
	Limit  int64
	Period QuotaPeriod
	// Offset is taken off the limit in the first period of a key.
	Offset int64
	// Hard as of a Throttle.
	Hard        bool
	FailureMode FailureMode
	Source      Position
}

// QuotaPeriod is how long a quota is for. Days begin at midnight UTC, weeks on Sunday,
// months on their first day.
type QuotaPeriod string

const (
	QuotaDay   QuotaPeriod = "DAY"
	QuotaWeek  QuotaPeriod = "WEEK"
	QuotaMonth QuotaPeriod = "MONTH"
)

// Account is what holds for all APIs together, as the settings of an AWS account in a
// region do.
type Account struct {
	// Throttle bounds the requests of all APIs together; nil means unbounded.
	Throttle *Throttle
}
