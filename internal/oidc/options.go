package oidc

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Keeper. The zero value of each means its default.
type Options struct {
	// Path is the file that keeps the key sets for a restart; empty for none.
	Path string
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// OnChange, if set, is called when there are keys that Fill has not given out yet,
	// or keys that it gave out must not be used any more. It must return soon.
	OnChange func()
	Timing
}

// Timing is how long things take at most, and how often they are done.
type Timing struct {
	// Fetch bounds each request to an issuer, redirects and body included: 1.5 seconds,
	// as on AWS.
	Fetch time.Duration
	// Wait is how long Fill waits for issuers that were never asked before: 3 seconds.
	Wait time.Duration
	// Refresh is when keys are fetched again if the issuer doesn't say, 5 minutes. What
	// it says (Cache-Control) counts between RefreshMin, a minute, and RefreshMax, 2 hours.
	Refresh, RefreshMin, RefreshMax time.Duration
	// RetryMin is the pause after a first failure, 2 seconds. Each further one doubles
	// it, up to RetryMax, 5 minutes.
	RetryMin, RetryMax time.Duration
	// MaxAge is how long keys are used that could not be refreshed; 0 for ever.
	MaxAge time.Duration
}

func (t Timing) orDefaults() Timing {
	return Timing{
		Fetch:      cmp.Or(t.Fetch, 1500*time.Millisecond),
		Wait:       cmp.Or(t.Wait, 3*time.Second),
		Refresh:    cmp.Or(t.Refresh, 5*time.Minute),
		RefreshMin: cmp.Or(t.RefreshMin, time.Minute),
		RefreshMax: cmp.Or(t.RefreshMax, 2*time.Hour),
		RetryMin:   cmp.Or(t.RetryMin, 2*time.Second),
		RetryMax:   cmp.Or(t.RetryMax, 5*time.Minute),
		MaxAge:     t.MaxAge,
	}
}
