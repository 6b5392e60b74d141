package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"gatehouse/telemetry/history"
)

// timespan is the time that charts show, in steps.
type timespan struct {
	// Name is that of one of the ranges, empty for one that has From and To of its own.
	Name     string
	From, To time.Time
	Step     time.Duration
}

// ranges are those that can be picked, up to now.
var ranges = []struct {
	name, text   string
	length, step time.Duration
}{
	{"1h", "1 hour", time.Hour, time.Minute},
	{"6h", "6 hours", 6 * time.Hour, 5 * time.Minute},
	{"24h", "24 hours", 24 * time.Hour, 10 * time.Minute},
	{"7d", "7 days", 7 * 24 * time.Hour, time.Hour},
	{"30d", "30 days", 30 * 24 * time.Hour, 4 * time.Hour},
	{"90d", "90 days", 90 * 24 * time.Hour, 12 * time.Hour},
}

// steps are those that a time of any length may be shown by, and days beyond.
var steps = []time.Duration{
	time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// maxColumns is how many steps fit into a chart.
const maxColumns = 192

// momentForm is that of <input type="datetime-local">.
const momentForm = "2006-01-02T15:04"

// askedTimespan reads what time is asked for; the last hour by default. What cannot be
// read is told.
func askedTimespan(r *http.Request, now time.Time) (timespan, error) {
	values := r.URL.Query()
	if values.Get("from") != "" || values.Get("to") != "" {
		from, err1 := time.Parse(momentForm, values.Get("from"))
		to, err2 := time.Parse(momentForm, values.Get("to"))
		switch {
		case err1 != nil || err2 != nil:
			return lastOf(0, now), fmt.Errorf("a time must have a beginning and an end, such as %s", now.UTC().Format(momentForm))
		case !from.Before(to):
			return lastOf(0, now), fmt.Errorf("a time must end after it begins")
		case to.After(now.Add(24*time.Hour)) || from.Before(now.AddDate(-10, 0, 0)):
			return lastOf(0, now), fmt.Errorf("that is not a time in which there were requests")
		}
		return spanned(from, to), nil
	}
	for i := range ranges {
		if ranges[i].name == values.Get("range") {
			return lastOf(i, now), nil
		}
	}
	return lastOf(0, now), nil
}

// lastOf is a range that ends now: with the step that is under way.
func lastOf(i int, now time.Time) timespan {
	of := &ranges[i]
	to := now.UTC().Truncate(of.step).Add(of.step)
	return timespan{of.name, to.Add(-of.length), to, of.step}
}

func spanned(from, to time.Time) timespan {
	step := steps[len(steps)-1]
	for _, s := range steps {
		if to.Sub(from) <= maxColumns*s {
			step = s
			break
		}
	}
	if days := int((to.Sub(from) + maxColumns*step - 1) / (maxColumns * step)); days > 1 {
		step *= time.Duration(days)
	}
	from = from.UTC().Truncate(step)
	return timespan{"", from, to.UTC(), step}
}

// recent reports whether the history of a process that runs since then has all of it.
func (t timespan) recent(started, now time.Time) bool {
	return !t.From.Before(now.Add(-history.Window-t.Step)) && (!t.From.Before(started) || t.To.Sub(t.From) <= time.Hour)
}

// remembered is the first of its steps that the history of a process has something of that runs
// since then; To or later where it has nothing.
func (t timespan) remembered(started, now time.Time) time.Time {
	since := now.Add(-history.Window)
	if started.After(since) {
		since = started
	}
	if !t.From.Before(since) {
		return t.From
	}
	return t.From.Add(since.Sub(t.From) / t.Step * t.Step)
}

// values are the parts of a query that ask for it.
func (t timespan) values() url.Values {
	if t.Name == "" {
		return url.Values{"from": {t.From.Format(momentForm)}, "to": {t.To.Format(momentForm)}}
	}
	return url.Values{"range": {t.Name}}
}

// stepText says how long a step is.
func stepText(step time.Duration) string {
	switch {
	case step == time.Minute:
		return "minute"
	case step < time.Hour:
		return fmt.Sprintf("%d minutes", step/time.Minute)
	case step == time.Hour:
		return "hour"
	case step < 24*time.Hour:
		return fmt.Sprintf("%d hours", step/time.Hour)
	case step == 24*time.Hour:
		return "day"
	}
	return fmt.Sprintf("%d days", step/(24*time.Hour))
}

// at says when a step begins, as shortly as the time allows.
func (t timespan) at(moment time.Time) string {
	switch {
	case t.Step%(24*time.Hour) == 0:
		return moment.UTC().Format("Jan 2")
	case t.To.Sub(t.From) > 24*time.Hour:
		return moment.UTC().Format("Jan 2 15:04")
	}
	return showClock(moment)
}

// ticks are the distances that texts below a chart may have.
var ticks = []time.Duration{
	10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, 2 * 24 * time.Hour, 5 * 24 * time.Hour, 10 * 24 * time.Hour, 15 * 24 * time.Hour,
}

// maxTicks is how many texts fit below a chart on a phone.
const maxTicks = 7

// tick is the text below a step, empty for most.
func (t timespan) tick(moment time.Time) string {
	length := t.To.Sub(t.From)
	every := length / maxTicks
	for _, d := range ticks {
		if d >= every {
			every = d
			break
		}
	}
	every = every.Truncate(t.Step)
	if every <= 0 || moment.Sub(moment.Truncate(every)) >= t.Step {
		return ""
	}
	if every >= 24*time.Hour {
		return moment.UTC().Format("Jan 2")
	}
	return showClock(moment)
}
