package sessions

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/management/store"
)

type person struct{ Name string }

// held reports whose session a cookie is of, empty for nobody's.
func held(t *testing.T, s *Sessions, cookie, value string) string {
	t.Helper()
	var who person
	ok, err := s.Open(t.Context(), cookie, value, &who)
	if err != nil {
		t.Fatal(err)
	}
	if ok != (who.Name != "") {
		t.Errorf("a session that holds is %v, of %q", ok, who.Name)
	}
	return who.Name
}

func begin(t *testing.T, s *Sessions, of string) string {
	t.Helper()
	value, err := s.Begin(t.Context(), "session", of, person{of})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestSessions holds for both keepers what a session is worth, and what ends it.
func TestSessions(t *testing.T) {
	for name, keep := range map[string]Keeper{"memory": InMemory(), "store": InStore(store.NewMemory(), "global/test/")} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			s := New(Options{Keep: keep, Age: time.Hour, Now: func() time.Time { return now }})
			ada, again, bob := begin(t, s, "ada"), begin(t, s, "ada"), begin(t, s, "bob")
			if held(t, s, "session", ada) != "ada" || held(t, s, "session", bob) != "bob" {
				t.Error("sessions do not hold")
			}
			if strings.Contains(ada, "ada") {
				t.Error("whoever has a cookie can read it")
			}
			for what, value := range map[string]string{"empty": "", "short": ada[:len(ada)-2], "changed": strings.ToUpper(ada), "long": strings.Repeat(ada, 100)} {
				if got := held(t, s, "session", value); got != "" {
					t.Errorf("%s: %s", what, got)
				}
			}
			if got := held(t, s, "another", ada); got != "" {
				t.Errorf("a cookie is taken under another name as %s's", got)
			}
			kept, err := s.Seal(t.Context(), "session", person{"eve"}, time.Hour)
			if err != nil || held(t, s, "session", kept) != "" {
				t.Errorf("what is kept for a while is a session: %v", err)
			}
			for range 2 { // once more ends nothing else
				if err := s.End(t.Context(), "session", ada); err != nil {
					t.Fatal(err)
				}
			}
			if held(t, s, "session", ada) != "" || held(t, s, "session", again) != "ada" || held(t, s, "session", bob) != "bob" {
				t.Error("a sign-out ends another session than its own")
			}
			now = now.Add(time.Hour)
			if held(t, s, "session", bob) != "" {
				t.Error("a session does not end")
			}
			// Who ends very many ends all there are, but none that comes later.
			first := begin(t, s, "bob")
			for range maxEnded + 1 {
				if err := s.End(t.Context(), "session", begin(t, s, "bob")); err != nil {
					t.Fatal(err)
				}
			}
			now = now.Add(time.Second)
			if held(t, s, "session", first) != "" || held(t, s, "session", begin(t, s, "bob")) != "bob" {
				t.Error("a flood of sign-outs does not end what was begun before it, or ends what comes after")
			}
		})
	}
}

// TestKept holds that what has ended is forgotten when it would have ended anyway, and that
// another process knows as much.
func TestKept(t *testing.T) {
	kept, now := store.NewMemory(), time.Now()
	clock := func() time.Time { return now }
	one := New(Options{Keep: InStore(kept, "global/test/"), Age: time.Hour, Now: clock})
	another := New(Options{Keep: InStore(kept, "global/test/"), Age: time.Hour, Now: clock})
	ada, bob := begin(t, one, "ada"), begin(t, one, "bob")
	if held(t, another, "session", ada) != "ada" {
		t.Error("another process does not take a session")
	}
	if err := another.End(t.Context(), "session", ada); err != nil {
		t.Fatal(err)
	}
	if held(t, one, "session", ada) != "" {
		t.Error("a session that was ended elsewhere goes on")
	}
	count := func() (n int) {
		_ = kept.View(t.Context(), func(r store.Reader) error {
			all, err := r.List("global/test/ended/")
			n = len(all)
			return err
		})
		return n
	}
	if err := one.End(t.Context(), "session", bob); err != nil || count() != 2 {
		t.Fatal(err, count())
	}
	now = now.Add(2 * time.Hour)
	if err := one.End(t.Context(), "session", begin(t, one, "carl")); err != nil || count() != 1 {
		t.Errorf("%d notes of sessions that are over are kept, want 1: %v", count(), err)
	}
	memory := InMemory().(*memory)
	for _, of := range []string{"ada", "bob"} {
		_ = memory.End(context.Background(), of, now, func(e *Ended) { e.add(&session{ID: of, Ends: now.Unix() + 1}, now) })
	}
	now = now.Add(time.Hour)
	_ = memory.End(context.Background(), "carl", now, func(e *Ended) { e.add(&session{ID: "carl", Ends: now.Unix() + 1}, now) })
	if len(memory.ended) != 1 {
		t.Errorf("%d notes are kept in memory, want 1", len(memory.ended))
	}
}

// TestForms holds that forms are taken from whom they were made for.
func TestForms(t *testing.T) {
	s := New(Options{Age: time.Hour})
	token, err := s.FormToken(t.Context(), "a cookie")
	if err != nil {
		t.Fatal(err)
	}
	for cookie, want := range map[string]bool{"a cookie": true, "another": false, "": false} {
		if got, err := s.FromForm(t.Context(), cookie, token); got != want || err != nil {
			t.Errorf("%q: %v %v", cookie, got, err)
		}
	}
	sealed, err := s.Seal(t.Context(), "flow", person{"ada"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var who person
	for name, want := range map[string]bool{"flow": true, "session": false} {
		if got, err := s.Unseal(t.Context(), name, sealed, &who); got != want || err != nil {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}
