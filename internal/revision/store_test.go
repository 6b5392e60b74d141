package revision

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway"
)

func TestStoreKeepsEverything(t *testing.T) {
	zero, ttl, age := int64(0), 0, -1
	shared := &gateway.Deployment{
		Title:                  "pets",
		Routes:                 []gateway.Route{{Method: "GET", Path: "/pets/{id}", Source: gateway.Position{File: "pets.yaml", Line: 9, Column: 3}}},
		Authorizers:            []gateway.Authorizer{{Name: "a", ResultTTLSeconds: &ttl}, {Name: "b"}},
		MinimumCompressionSize: &zero,
		CORS:                   &gateway.CORS{MaxAge: &age},
	}
	s := (&gateway.Snapshot{
		APIs: []gateway.API{{ID: "pets", Stages: []gateway.Stage{
			{Name: "v1", Deployment: shared, Settings: []gateway.RouteSettings{
				{RouteKey: "*", MaxRequestBytes: &zero}, {RouteKey: "GET /pets/{id}", TimeoutMillis: &zero},
			}},
			{Name: "v2", Deployment: shared, Canary: &gateway.Canary{Percent: 12.5, Deployment: shared}},
		}}},
		APIKeys: []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{"s3cret\xff", "0ld"}}},
	}).Seal()

	store, err := NewStore(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(); !errors.Is(err, ErrNothingStored) {
		t.Errorf("empty store: %v", err)
	}
	if err := store.Save(s); err != nil {
		t.Fatal(err)
	}
	got, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got, cmpopts.IgnoreUnexported(gateway.Snapshot{}, gateway.Deployment{})); diff != "" {
		t.Errorf("what came back differs (-stored +loaded):\n%s", diff)
	}
	if got.Revision() != s.Revision() {
		t.Errorf("revision %s, want %s", got.Revision(), s.Revision())
	}
	stages := got.APIs[0].Stages
	if stages[0].Deployment != stages[1].Deployment || stages[0].Deployment != stages[1].Canary.Deployment {
		t.Error("the stages do not share their deployment any more")
	}
	if info, err := os.Stat(store.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestStoreRefusesDamagedFiles(t *testing.T) {
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(listening(8080)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(store.Path())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"empty":        {},
		"cut short":    good[:len(good)-1],
		"one bit":      append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1),
		"other format": bytes.Replace(good, []byte("revision 1"), []byte("revision 2"), 1),
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(store.Path(), content, 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := store.Load(); err == nil {
				t.Errorf("loaded %+v", s)
			}
		})
	}
}

func TestFailedSaveKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	store, err := NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	a := listening(8080)
	if err := store.Save(a); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := store.Save(listening(8081)); err == nil {
		t.Error("saving in a read-only folder succeeded")
	}
	if got, err := store.Load(); err != nil || got.Revision() != a.Revision() {
		t.Errorf("%v, %v", got, err)
	}
}

func TestStoreRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, storeFile+".1.tmp"), filepath.Join(dir, storeFile+".2.tmp")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half a revision"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Now(), time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := NewStore(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", old, err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
}
