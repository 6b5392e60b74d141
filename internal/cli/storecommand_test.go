package cli

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/management/store"
	"gatehouse/management/store/etcd"
)

// keeping makes a data directory that keeps documents.
func keeping(t *testing.T, documents map[string]string) (dataDir string) {
	t.Helper()
	dataDir = t.TempDir()
	s, err := etcd.Embed(t.Context(), embeddedStore(dataDir), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	err = s.Update(t.Context(), func(tx store.Tx) error {
		for key, value := range documents {
			tx.Put(key, []byte(value))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dataDir
}

func TestStoreBackupAndRestore(t *testing.T) {
	from := keeping(t, map[string]string{"r/apikeys/a": `{"value":"secret-of-a"}`})
	file := filepath.Join(t.TempDir(), "backup")
	if r := command(t, "store", "backup", "--data-dir", from, file); r.code != exitGood {
		t.Fatal(r)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v", info, err)
	}
	into := filepath.Join(t.TempDir(), "new")
	r := command(t, "store", "restore", "--data-dir", into, file)
	if r.code != exitGood || !strings.Contains(r.err, "restored 1 documents") {
		t.Fatal(r)
	}
	again := command(t, "store", "backup", "--data-dir", into, "-")
	if again.code != exitGood || !strings.Contains(again.out, "secret-of-a") || !json.Valid([]byte(strings.SplitN(again.out, "\n", 2)[0])) {
		t.Error(again)
	}
	if r := command(t, "store", "restore", "--data-dir", into, file); r.code != exitProblems || !strings.Contains(r.err, "--replace") {
		t.Error(r)
	}
	if r := command(t, "store", "restore", "--replace", "--data-dir", into, file); r.code != exitGood {
		t.Error(r)
	}
}

func TestStoreMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	half := keeping(t, map[string]string{"restore/unfinished": "{}"})
	for _, c := range []struct {
		args []string
		code int
		err  string
	}{
		{[]string{"store", "backup"}, exitUsage, ""},
		{[]string{"store", "backup", "--server", "http://127.0.0.1:1", "b"}, exitProblems, "no gatehouse answers there"},
		{[]string{"store", "backup", "--server", "127.0.0.1", "b"}, exitUsage, "is not a URL"},
		{[]string{"store", "backup", "--data-dir", "missing", "b"}, exitProblems, "nothing is kept there"},
		{[]string{"store", "restore", "b"}, exitUsage, "--data-dir or --etcd-endpoints"},
		{[]string{"store", "restore", "--data-dir", "d", "missing"}, exitProblems, "missing"},
		{[]string{"store", "restore", "--data-dir", "d", "--etcd-endpoints", "http://127.0.0.1:1", os.DevNull}, exitUsage, "are two stores"},
		{[]string{"store", "restore", "--data-dir", "d", os.DevNull}, exitProblems, "this is no backup that can be restored"},
		{[]string{"serve", "--data-dir", half, "--http-address", "127.0.0.1:0", "--xds-address", "127.0.0.1:0"}, exitProblems, "was cut off, and has to be done again"},
		{[]string{"serve", "--etcd-endpoints", "etcd.example"}, exitUsage, "is not a URL"},
		{[]string{"serve", "--etcd-endpoints", "http://etcd.example:2379"}, exitUsage, "--insecure-etcd"},
		{[]string{"serve", "--etcd-endpoints", "http://127.0.0.1:2379,https://127.0.0.1:2380"}, exitUsage, "either all https or all http"},
		{[]string{"serve", "--etcd-endpoints", "http://user:secret@127.0.0.1:2379"}, exitUsage, "GATEHOUSE_ETCD_PASSWORD"},
		{[]string{"serve", "--etcd-endpoints", "https://127.0.0.1:2379", "--etcd-cert", "c.pem"}, exitUsage, "go together"},
		{[]string{"serve", "--etcd-endpoints", "https://127.0.0.1:2379", "--etcd-ca", "missing.pem"}, exitProblems, "--etcd-ca"},
		{[]string{"serve", "--etcd-ca", "ca.pem"}, exitUsage, "need --etcd-endpoints"},
		{[]string{"serve", "--account-id", "12"}, exitUsage, "is not twelve digits"},
		{[]string{"serve", "--roles", "xds", "--open-management"}, exitUsage, "--roles leaves out"},
	} {
		r := command(t, c.args...)
		if r.code != c.code || !strings.Contains(r.err, c.err) {
			t.Errorf("%v: exit code %d, %s", c.args, r.code, r.err)
		}
		if strings.Contains(r.err, "secret@") {
			t.Errorf("%v: the password is shown: %s", c.args, r.err)
		}
	}
}
