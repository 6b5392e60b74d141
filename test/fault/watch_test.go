package fault

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// TestFilesChangeInEveryWay changes files as people and programs do, and looks for
// the change in what Envoy answers, while another client is answered all the time.
func TestFilesChangeInEveryWay(t *testing.T) {
	t.Parallel()
	one, two := backendNamed(t, "one"), backendNamed(t, "two")
	s := newSite(t, one)
	s.SecurePort = proctest.FreePort(t)
	ca := newAuthority(t)
	ca.issue(t, s.dir)
	g := startRun(t, s)
	file := s.path("gatehouse.yaml")
	clients := load(t,
		target{port: s.Port, host: "api.example.com", path: "/shop/named", answers: []string{"one", "two"}},
		target{port: s.SecurePort, host: "api.example.com", path: "/shop/pets", tls: ca.trust("api.example.com"), answers: []string{"one", "two"}},
	)
	// turn gives the definitions with the other backend, and what is answered then.
	turn := func() (text, answer string) {
		if s.Variable == one {
			s.Variable = two
			return s.files(t)["gatehouse.yaml"], "two"
		}
		s.Variable = one
		return s.files(t)["gatehouse.yaml"], "one"
	}

	text, answer := turn()
	replace(t, file, text)
	awaitAnswer(t, s.url("/pets"), answer)

	// Small writes, as of a slow copy, count as one. Whatever is read meanwhile is
	// no whole document.
	before := g.metric("gatehouse_revision_apply_seconds_count", `step="load"`)
	text, answer = turn()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for len(text) > 0 {
		n := min(len(text), 64)
		if _, err := f.WriteString(text[:n]); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
		time.Sleep(5 * time.Millisecond)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	awaitAnswer(t, s.url("/pets"), answer)
	if n := g.metric("gatehouse_revision_apply_seconds_count", `step="load"`) - before; n > 4 {
		t.Errorf("the definitions were read %v times for one slow write", n)
	}

	// Removed, and made again.
	text, answer = turn()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	g.failed()
	write(t, file, text)
	awaitAnswer(t, s.url("/pets"), answer)

	// The folder replaced by another, and a change in that.
	for range 2 {
		text, answer = turn()
		next := s.dir + ".next"
		if err := os.CopyFS(next, os.DirFS(s.dir)); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(next, "gatehouse.yaml"), text)
		old := s.dir + ".old"
		if err := os.Rename(s.dir, old); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, s.dir); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(old); err != nil {
			t.Fatal(err)
		}
		awaitAnswer(t, s.url("/pets"), answer)
		text, answer = turn()
		write(t, file, text)
		awaitAnswer(t, s.url("/pets"), answer)
	}

	// A certificate is renewed: new connections get it, and old ones go on.
	old, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.SecurePort), ca.trust("api.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	serial := ca.issue(t, s.dir)
	eventually(t, "the new certificate is shown", func() bool {
		got, err := ca.shown(s.SecurePort)
		return err == nil && got == serial
	})
	fmt.Fprintf(old, "GET /shop/pets HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := old.Read(status); err != nil || string(status) != "HTTP/1.1 200" {
		t.Errorf("the connection of before: %q, %v", status, err)
	}
	clients.end()
	for i, n := range clients.connections() {
		if n != 1 {
			t.Errorf("client %d needed %d connections", i, n)
		}
	}
}

// TestMountedFiles is a pod's mounted config map and secret: every file is a link
// through ..data, which is switched to a new folder. What {file: …} refers to is
// among them, and shows nowhere.
func TestMountedFiles(t *testing.T) {
	t.Parallel()
	one, two := backendNamed(t, "one"), backendNamed(t, "two")
	s := newSite(t, one)
	publish := func(version int, secret string) {
		folder := fmt.Sprintf("..%d", version)
		for name, text := range s.files(t) {
			write(t, s.path(filepath.Join(folder, name)), text)
		}
		write(t, s.path(filepath.Join(folder, "keys.yaml")), "apiKeys: [{name: acme, value: {file: secret}}]\n")
		write(t, s.path(filepath.Join(folder, "secret")), secret)
		if err := os.Symlink(folder, s.path("..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(s.path("..data_tmp"), s.path("..data")); err != nil {
			t.Fatal(err)
		}
		if version > 1 {
			if err := os.RemoveAll(s.path(fmt.Sprintf("..%d", version-1))); err != nil {
				t.Fatal(err)
			}
		}
	}
	const first, second = "the-first-secret-of-acme", "the-second-secret-of-acme"
	publish(1, first)
	for _, name := range []string{"gatehouse.yaml", "petstore.openapi.yaml", "keys.yaml", "secret"} {
		if err := os.Symlink(filepath.Join("..data", name), s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	g := launchRun(t, s)
	awaitAnswer(t, s.url("/pets"), "one")
	s.Variable = two
	publish(2, first)
	awaitAnswer(t, s.url("/pets"), "two")
	s.Variable = one
	publish(3, first)
	awaitAnswer(t, s.url("/pets"), "one")
	before := g.acked().Serving.Revision
	publish(4, second)
	g.statusUntil("the new secret is another revision", func(st status) bool {
		return st.InForce && st.Serving.Revision != before
	})
	g.acked()
	_, page, err := get(g.base + "/status")
	if text := page + g.Output(); err != nil || strings.Contains(text, first) || strings.Contains(text, second) {
		t.Errorf("the secret shows (%v)", err)
	}
}
