package etcd_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/etcdtest"
	"gatehouse/internal/proctest"
	"gatehouse/management/store"
	"gatehouse/management/store/etcd"
	"gatehouse/management/store/storetest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

func quietly() *slog.Logger { return slog.New(slog.DiscardHandler) }

func embedded(t *testing.T, dir string) *etcd.Store {
	t.Helper()
	s, err := etcd.Embed(t.Context(), dir, quietly())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	return s
}

func closed(t *testing.T, s *etcd.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func connected(t *testing.T, c *etcdtest.Cluster) *etcd.Store {
	t.Helper()
	s, err := etcd.Connect(t.Context(), etcd.Cluster{Endpoints: strings.Split(c.Endpoints(), ",")}, quietly())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	return s
}

func client(t *testing.T, c *etcdtest.Cluster) *clientv3.Client {
	t.Helper()
	raw, err := clientv3.New(clientv3.Config{Endpoints: []string{c.Members[0].Endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func TestEmbedded(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return embedded(t, t.TempDir()) })
}

// TestCluster has a server with the limits that etcd has by itself, but for the size of
// requests, which the largest documents are beyond.
func TestCluster(t *testing.T) {
	c := etcdtest.Start(t, 1, "--max-request-bytes", "33554432")
	raw := client(t, c)
	storetest.Run(t, func(t *testing.T) store.Store {
		if _, err := raw.Delete(t.Context(), "gatehouse/", clientv3.WithPrefix()); err != nil {
			t.Fatal(err)
		}
		return connected(t, c)
	})
}

func write(ctx context.Context, s store.Store, key, value string) error {
	return s.Update(ctx, func(tx store.Tx) error { tx.Put(key, []byte(value)); return nil })
}

func read(t *testing.T, s store.Store, key string) string {
	t.Helper()
	var value []byte
	if err := s.View(t.Context(), func(r store.Reader) (err error) { value, err = r.Get(key); return err }); err != nil {
		t.Fatal(err)
	}
	return string(value)
}

// TestStoresOfACluster has what one process was told be there for all others at once.
func TestStoresOfACluster(t *testing.T) {
	c := etcdtest.Start(t, 1)
	one, other := connected(t, c), connected(t, c)
	for i := range 200 {
		value := strings.Repeat("x", i)
		if err := write(t.Context(), one, "r/a", value); err != nil {
			t.Fatal(err)
		}
		if got := read(t, other, "r/a"); got != value {
			t.Fatalf("after write %d the other store reads %d bytes", i, len(got))
		}
		one, other = other, one
	}
}

func TestTooLargeForACluster(t *testing.T) {
	s := connected(t, etcdtest.Start(t, 1))
	value := make([]byte, 2<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(value)
	err := write(t.Context(), s, "r/large", string(value))
	if !errors.Is(err, store.ErrTooLarge) || !strings.Contains(err.Error(), "--max-request-bytes") {
		t.Errorf("the error is %v", err)
	}
	if err := write(t.Context(), s, "r/small", "1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestEmbeddedOutlastsItsProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := etcd.Embed(t.Context(), dir, quietly())
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), s, "r/a", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := etcd.Embed(t.Context(), dir, quietly()); err == nil || !strings.Contains(err.Error(), "another process has") {
		t.Errorf("a second process with the same directory: %v", err)
	}
	closed(t, s)
	if got := read(t, embedded(t, dir), "r/a"); got != "1" {
		t.Errorf("afterwards it is %q", got)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	c := etcdtest.Start(t, 1)
	s := connected(t, c)
	if err := write(t.Context(), s, "r/a", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, c).Put(t.Context(), "gatehouse/schema", "2"); err != nil {
		t.Fatal(err)
	}
	// A process that runs meanwhile writes no more.
	var newer *etcd.SchemaError
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := write(t.Context(), s, "r/a", "2")
		if errors.As(err, &newer) {
			break
		}
		if err == nil {
			t.Fatal("it wrote into a store of a newer version")
		}
		if time.Now().After(end) {
			t.Fatalf("it says %v", err)
		}
	}
	_, err := etcd.Connect(t.Context(), etcd.Cluster{Endpoints: []string{c.Members[0].Endpoint}}, quietly())
	if !errors.As(err, &newer) || !strings.Contains(err.Error(), "newer version of gatehouse") {
		t.Errorf("a process that starts says %v", err)
	}
}

// TestEtcdGone reads what was there last, and says that nothing can be written.
func TestEtcdGone(t *testing.T) {
	c := etcdtest.Start(t, 1)
	s := connected(t, c)
	if err := write(t.Context(), s, "r/a", "1"); err != nil {
		t.Fatal(err)
	}
	c.Members[0].Kill()
	begin := time.Now()
	if err := write(t.Context(), s, "r/a", "2"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a write: %v", err)
	}
	if got := read(t, s, "r/a"); got != "1" {
		t.Errorf("a read: %q", got)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("that took %v", took)
	}
	// A process that starts now has nothing to read, and waits for it.
	late := connected(t, c)
	if err := late.View(t.Context(), func(store.Reader) error { return nil }); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a read by a process that has started: %v", err)
	}
	c.Members[0].Restart()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := late.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for write(t.Context(), s, "r/a", "3") != nil && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	if got := read(t, late, "r/a"); got != "3" {
		t.Errorf("afterwards it is %q", got)
	}
}
