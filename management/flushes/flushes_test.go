package flushes_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"gatehouse/management/flushes"
	"gatehouse/management/store"
)

// following is a store that tells when its first news have been worked off.
type following struct {
	store.Store
	began chan bool
}

func (f following) Watch(ctx context.Context, changed func([]string)) error {
	return f.Store.Watch(ctx, func(keys []string) {
		changed(keys)
		select {
		case f.began <- true:
		default:
		}
	})
}

func TestFlushes(t *testing.T) {
	s := store.NewMemory()
	caches := flushes.Caches{Store: s}
	// What was asked for before somebody follows is not for those who do.
	if err := caches.FlushAuthorizers(t.Context(), "pets", "$default"); err != nil {
		t.Fatal(err)
	}
	flushed := make(chan string, 10)
	ctx, stop := context.WithCancel(t.Context())
	ended, began := make(chan error), make(chan bool, 1)
	go func() {
		ended <- flushes.Follow(ctx, following{s, began}, flushes.Targets{Authorizers: func(_ context.Context, api, stage string) error {
			flushed <- api + " " + stage
			return nil
		}}, slog.New(slog.DiscardHandler))
	}()
	<-began
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-flushed:
			if got != want {
				t.Errorf("%s was flushed, want %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s was not flushed", want)
		}
	}
	put := func(key string) {
		t.Helper()
		if err := s.Update(t.Context(), func(tx store.Tx) error { tx.Put(key, []byte("{}")); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	put("eu-west-1/apis/pets")
	// Nobody here keeps data.
	if err := caches.FlushData(t.Context(), "pets", "v1"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := caches.FlushAuthorizers(t.Context(), "pets", "v1"); err != nil {
			t.Fatal(err)
		}
		expect("pets v1")
	}
	stop()
	<-ended
	if len(flushed) > 0 {
		t.Errorf("%s was flushed, too", <-flushed)
	}
}
