package etcd_test

import (
	"log/slog"
	"testing"

	"gatehouse/management/store"
	"gatehouse/management/store/etcd"
	"gatehouse/management/store/storetest"
)

func quietly() *slog.Logger { return slog.New(slog.DiscardHandler) }

func embedded(t *testing.T, dir string) *etcd.Store {
	t.Helper()
	s, err := etcd.Embed(t.Context(), dir, quietly())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestEmbedded(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return embedded(t, t.TempDir()) })
}
