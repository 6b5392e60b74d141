package dashboard

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// nothing stands where there is no number.
const nothing = "–"

// showCount writes a number as people read it: in full up to five digits, then shortened.
func showCount(n uint64) string {
	switch {
	case n < 100_000:
		return showExact(n)
	case n < 999_500:
		return fmt.Sprintf("%.0fk", float64(n)/1e3)
	case n < 999_950_000:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1fG", float64(n)/1e9)
}

// showExact writes a number with commas.
func showExact(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// showDuration writes how long something took, with three digits at most.
func showDuration(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case d <= 0:
		return nothing
	case ms < 0.9995:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 9_995:
		return fmt.Sprintf("%.2f s", ms/1e3)
	default:
		return fmt.Sprintf("%.1f s", ms/1e3)
	}
}

// showPercent writes a part of a whole; of nothing there is none.
func showPercent(part, whole uint64) string {
	if whole == 0 {
		return nothing
	}
	switch p := 100 * float64(part) / float64(whole); {
	case p == 0 || p == 100:
		return fmt.Sprintf("%.0f%%", p)
	case p < 0.1:
		return "<0.1%"
	case p < 10:
		return fmt.Sprintf("%.1f%%", p)
	default:
		return fmt.Sprintf("%.0f%%", math.Min(p, 99))
	}
}

// shortRevision is what of a revision tells it from others at a glance.
func shortRevision(revision string) string {
	return revision[:min(len(revision), 12)]
}

// showAge writes how long something is ago, roughly.
func showAge(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(max(d, 0).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// sentence makes one of what an error says.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 || first == utf8.RuneError {
		return text
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// showMany says how many there are of something.
func showMany(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// showClock is the time of day, showMoment the day with it. All times are those of UTC: so
// are logs, and days of quotas.
func showClock(t time.Time) string  { return t.UTC().Format("15:04") }
func showMoment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// pathTo is the path of a page, of segments that may hold anything.
func pathTo(segments ...string) string {
	escaped := make([]string, len(segments))
	for i, s := range segments {
		escaped[i] = url.PathEscape(s)
	}
	return Prefix + strings.Join(escaped, "/")
}

// percentOf is where something is in a width.
func percentOf(x, width int) float64 { return tenth(100 * float64(x) / float64(max(width, 1))) }

func nonzero(n uint64) bool { return n > 0 }

// showRate writes how often something happens in a second.
func showRate(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0"
	case perSecond < 0.1:
		return "<0.1"
	case perSecond < 10:
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return showCount(uint64(math.Round(perSecond)))
}

// showBytes writes a size.
func showBytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.3g GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.3g KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
