package iampolicy

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// matchesSlowly is what * and ? mean, in so many words.
func matchesSlowly(pattern, text []rune) bool {
	if len(pattern) == 0 {
		return len(text) == 0
	}
	if pattern[0] == '*' {
		return matchesSlowly(pattern[1:], text) || len(text) > 0 && matchesSlowly(pattern, text[1:])
	}
	return len(text) > 0 && (pattern[0] == '?' || pattern[0] == text[0]) && matchesSlowly(pattern[1:], text[1:])
}

func randomText(rng *rand.Rand, alphabet string, longest int) string {
	letters := []rune(alphabet)
	text := make([]rune, rng.IntN(longest+1))
	for i := range text {
		text[i] = letters[rng.IntN(len(letters))]
	}
	return string(text)
}

func TestPatternMeaning(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for range 100_000 {
		pattern, text := randomText(rng, "ab*?ä", 8), randomText(rng, "abä", 9)
		compiled, err := notation{wildcards: true}.compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		want := matchesSlowly([]rune(pattern), []rune(text))
		if got := compiled.matches(text, nil); got != want {
			t.Fatalf("%q of %q: %v, want %v", pattern, text, got, want)
		}
		// What is left after the beginning of the text takes its rest, or the pattern
		// didn't take the text.
		cut := rng.IntN(len([]rune(text)) + 1)
		head, tail := string([]rune(text)[:cut]), string([]rune(text)[cut:])
		m, rest := compiled.after(head), false
		for _, place := range m.places {
			rest = rest || m.from(place).Match(tail)
		}
		if rest != want {
			t.Fatalf("%q after %q of %q: %v, want %v", pattern, head, tail, rest, want)
		}
		if want {
			matched++
		}
	}
	if matched < 5_000 {
		t.Errorf("only %d texts matched: the test says nothing", matched)
	}
}

// TestScanner holds the way long runs are found to the way short ones are.
func TestScanner(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	found := 0
	for range 10_000 {
		text := randomText(rng, "abä", 300)
		// Most runs are taken from the text, so that they are there.
		letters := []rune(text)
		from := rng.IntN(len(letters) + 1)
		letters = letters[from : from+rng.IntN(len(letters)-from+1)]
		var b patternBuilder
		for _, c := range letters {
			switch {
			case rng.IntN(3) == 0:
				b.one()
			case rng.IntN(200) == 0:
				b.literal("b")
			default:
				b.literal(string(c))
			}
		}
		r := &b.done().runs[0]
		if len(r.pieces) == 0 {
			continue
		}
		want := r.find(text, nil)
		scanner := newScanner(r.pieces)
		if got := scanner.find(text); got != want {
			t.Fatalf("%+v in %q ends at %d, want %d", r.pieces, text, got, want)
		}
		if want >= 0 && scanner.length > 2*wordBits {
			found++
		}
	}
	if found < 200 {
		t.Errorf("%d long runs were found: the test says little", found)
	}
}

// TestHostilePatterns would not end if matching tried again what it tried before.
func TestHostilePatterns(t *testing.T) {
	text := strings.Repeat("a", 20_000)
	for _, pattern := range []string{
		strings.Repeat("*a", 2_000) + "*b",
		strings.Repeat("*", 8_000) + "b",
		strings.Repeat("*a?", 1_000) + "*b*",
		"*" + strings.Repeat("a", 1_000) + "?b*",
		"*" + strings.Repeat("a?", 2_000) + "b*",
	} {
		compiled, err := notation{wildcards: true}.compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if compiled.matches(text, nil) {
			t.Errorf("%.20q… matches", pattern)
		}
		compiled.after(text[:1600])
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	compiled, err := notation{wildcards: true}.compile("*a?c*")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"a\xffc": true, "\xff\xfea\xc3c\xff": true, "a\xff\xfec": false} {
		if got := compiled.matches(text, nil); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
