package source

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scalar gives the text of a scalar that is wanted as something else. The second
// result is false when there is none, which is then reported, once.
func (v Value) scalar(want string) (string, bool) {
	if !v.IsScalar() {
		v.wrongType(want)
		return "", false
	}
	return v.interpolate(v.resolved().Value)
}

// Text reads a scalar as text; numbers and booleans are taken as written. Absent
// and null give "". ${NAME} is replaced where the document has an environment.
func (v Value) Text() string {
	if v.IsNull() {
		return ""
	}
	text, _ := v.scalar("text")
	return text
}

// NonEmpty is Text for a value that must be there and have at least one character.
func (v Value) NonEmpty() string {
	text, ok := v.scalar("text")
	if ok && text == "" {
		v.Errorf("empty-value", "", "%s must not be empty", v.name())
	}
	return text
}

// Raw is the scalar as written, nothing replaced.
func (v Value) Raw() string {
	if n := v.resolved(); n != nil && len(n.Content) == 0 {
		return n.Value
	}
	return ""
}

// Shown is the scalar as messages repeat it: as it is written, in quotes. What the
// environment puts in its place may be secret.
func (v Value) Shown() string { return strconv.Quote(clip(v.Raw())) }

// Bool reads true or false; absent gives def.
func (v Value) Bool(def bool) bool {
	if v.IsNull() {
		return def
	}
	text, ok := v.scalar("true or false")
	if !ok {
		return def
	}
	switch strings.ToLower(text) {
	case "true":
		return true
	case "false":
		return false
	}
	v.wrongType("true or false")
	return def
}

// Int reads a whole number between low and high; absent gives def.
func (v Value) Int(def, low, high int64) int64 {
	const want = "a whole number"
	if v.IsNull() {
		return def
	}
	text, ok := v.scalar(want)
	if !ok {
		return def
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		v.outOfRange(strconv.FormatInt(low, 10), strconv.FormatInt(high, 10))
		return def
	case err != nil:
		v.wrongType(want)
		return def
	case n < low || n > high:
		v.outOfRange(strconv.FormatInt(low, 10), strconv.FormatInt(high, 10))
		return def
	}
	return n
}

func (v Value) outOfRange(low, high string) {
	v.Errorf("out-of-range", "", "%s is %s, must be between %s and %s", v.name(), v.shown(), low, high)
}

// shown is the scalar as a message repeats it.
func (v Value) shown() string {
	if v.isInterpolated() {
		return "the value of " + clip(v.Raw())
	}
	return clip(v.Raw())
}

// Number reads a number between low and high; absent gives def.
func (v Value) Number(def, low, high float64) float64 {
	const want = "a number"
	if v.IsNull() {
		return def
	}
	text, ok := v.scalar(want)
	if !ok {
		return def
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(f):
		v.wrongType(want)
		return def
	case f < low || f > high:
		v.outOfRange(strconv.FormatFloat(low, 'f', -1, 64), strconv.FormatFloat(high, 'f', -1, 64))
		return def
	}
	return f
}

// maxDuration is a day: what takes longer is a mistake, such as s for ms.
const maxDuration = 24 * time.Hour

// Millis reads a duration such as 500ms, 2s or 1m30s, in milliseconds; absent gives
// def. Zero is possible where low is; what is shorter than a millisecond but not
// nothing is refused, for it would become zero.
func (v Value) Millis(def int64, low time.Duration) int64 {
	const want = "a duration such as 500ms or 30s"
	if v.IsNull() {
		return def
	}
	text, ok := v.scalar(want)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		v.wrongType(want)
		return def
	case d < low || d > maxDuration:
		v.outOfRange(low.String(), "24h")
		return def
	case d%time.Millisecond != 0:
		v.Errorf("out-of-range", "", "%s is %s, must be of whole milliseconds", v.name(), v.shown())
		return def
	}
	return d.Milliseconds()
}

var (
	sizePattern = regexp.MustCompile(`^([0-9]+)\s*(?i:(B|KB|MB|GB|KiB|MiB|GiB)?)$`)
	sizeUnits   = map[string]int64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
)

// Bytes reads a size such as 512KB or 10MiB (KB = 1000, KiB = 1024); absent gives def.
func (v Value) Bytes(def int64) int64 {
	const want = "a size such as 512KB or 10MiB"
	if v.IsNull() {
		return def
	}
	text, ok := v.scalar(want)
	if !ok {
		return def
	}
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		v.wrongType(want)
		return def
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	unit := sizeUnits[strings.ToLower(m[2])]
	if err != nil || n > math.MaxInt64/unit {
		v.Errorf("out-of-range", "", "%s is too large", v.name())
		return def
	}
	return n * unit
}

// OneOf reads text that must be one of the choices (compared without case, given
// back as spelled in choices); absent gives "".
func (v Value) OneOf(choices ...string) string {
	if v.IsNull() {
		return ""
	}
	text, ok := v.scalar("one of " + strings.Join(choices, ", "))
	if !ok {
		return ""
	}
	if i := slices.IndexFunc(choices, func(c string) bool { return strings.EqualFold(c, text) }); i >= 0 {
		return choices[i]
	}
	hint, shown := "", v.shown()
	if !v.isInterpolated() {
		hint, shown = nearestHint(text, choices), strconv.Quote(shown)
	}
	v.Errorf("unknown-value", hint, "%s is %s, must be one of %s", v.name(), shown, strings.Join(choices, ", "))
	return ""
}
