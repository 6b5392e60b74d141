package nearest

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	choices := []string{"gold", "golden", "silver", "Bronze", "", strings.Repeat("g", 5000)}
	for word, want := range map[string]string{
		"glod": "gold", "gold": "gold", "silvr": "silver", "bronce": "Bronze", "platinum": "", strings.Repeat("g", 101): "",
	} {
		if got := Of(word, choices); got != want {
			t.Errorf("%.20q: %q, want %q", word, got, want)
		}
	}
	if got := Of("gold", nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0}} {
		if got, back := Distance(c.a, c.b), Distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%q and %q: %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
