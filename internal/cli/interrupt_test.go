package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterrupted ends commands before they are done: they say so, and nothing that is not so.
func TestInterrupted(t *testing.T) {
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	document, err := filepath.Glob(filepath.Join(dir, "*.openapi.yaml"))
	if err != nil || len(document) == 0 {
		t.Fatal(document, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"validate", dir}, {"translate", dir}, {"diff", dir, dir}, {"export", "petstore/v1", dir}, {"explain", "-f", dir, "http://localhost/"},
		{"import", "--into", t.TempDir(), document[0]}, {"usage"}, {"cost"}, {"portal", "requests"},
	} {
		var out, errs bytes.Buffer
		code := Main(ctx, args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
		if code != exitInterrupted || out.Len() > 0 || errs.String() != "gatehouse: interrupted\n" {
			t.Errorf("%v: %d %q %q", args, code, out.String(), errs.String())
		}
	}
}

// TestComputed leaves what is computed to itself when nobody waits any more.
func TestComputed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if got, err := computed(ctx, func() int { return 1 }); got != 1 || err != nil {
		t.Error(got, err)
	}
	stay := make(chan struct{})
	defer close(stay)
	if got, err := computed(ctx, func() int { cancel(); <-stay; return 1 }); got != 0 || err != errInterrupted {
		t.Error(got, err)
	}
}
