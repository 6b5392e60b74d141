package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestProgress has definitions validated that take their time, on a terminal and in a pipe:
// how far it is shows on the one, and is gone when the outcome comes; the other has the
// outcome alone.
func TestProgress(t *testing.T) {
	usual := progressAfter
	progressAfter = time.Millisecond
	t.Cleanup(func() { progressAfter = usual })
	dir := t.TempDir()
	for i := range 8 {
		var b strings.Builder
		b.WriteString("openapi: 3.0.1\ninfo: {title: t, version: \"1\"}\npaths:\n")
		for j := range 1500 {
			fmt.Fprintf(&b, "  /r%d/{id}: {get: {parameters: [{name: id, in: path, required: true, schema: {type: string}}], responses: {\"200\": {description: ok}}}}\n", j)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("api%d.openapi.yaml", i)), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		native := fmt.Sprintf("apis: [{name: api%d, backend: \"http://127.0.0.1:1\", definition: api%d.openapi.yaml, stages: [{name: v1}]}]\n", i, i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("api%d.yaml", i)), []byte(native), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), []byte("gateways: [{name: edge, listeners: [{port: 8080}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	natives, err := filepath.Glob(filepath.Join(dir, "*[0-9y].yaml"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"validate"}
	for _, name := range natives {
		if !strings.Contains(name, "openapi") {
			args = append(args, name)
		}
	}
	if got := command(t, args...); got.code != 0 || got.err != "no problems\n" {
		t.Fatalf("%+v", got)
	}

	terminal, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var shown bytes.Buffer
	read := make(chan struct{})
	go func() { _, _ = io.Copy(&shown, terminal); close(read) }() // ends with an error when the other side does
	code := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: io.Discard, Err: program})
	if err := program.Close(); err != nil || code != 0 {
		t.Error(code, err)
	}
	select {
	case <-read:
	case <-time.After(10 * time.Second):
		t.Fatal("the terminal stays open")
	}
	text := shown.String()
	if !strings.Contains(text, "reading definitions") || !strings.Contains(text, "/8") {
		t.Errorf("no progress was shown: %q", text)
	}
	// Only what is written after the last return to the line's beginning stays.
	if last := text[strings.LastIndex(strings.TrimRight(text, "\r\n"), "\r")+1:]; strings.TrimSpace(last) != "no problems" {
		t.Errorf("what stays is %q", last)
	}
}
