package vtl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "record testdata/recorded.jsonl anew, with the real Velocity 1.7 of $VELOCITY_CLASSPATH")

// recorded is what the real Velocity 1.7 and Jayway make of a template. Ours is set
// where this package does something else on purpose, for the reason Why.
type recorded struct {
	Template string `json:"template"`
	// Body is the text itself, or @ and a file that has it.
	Body   string  `json:"body,omitempty"`
	Output string  `json:"output"`
	Error  string  `json:"error,omitempty"`
	Ours   *string `json:"ours,omitempty"`
	// OursFails is that this package refuses the template or fails.
	OursFails bool   `json:"oursFails,omitempty"`
	Why       string `json:"why,omitempty"`
}

const recordedFile = "testdata/recorded.jsonl"

func (r recorded) body(t testing.TB) string {
	name, isFile := strings.CutPrefix(r.Body, "@")
	if !isFile {
		return r.Body
	}
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readRecorded(t testing.TB) []recorded {
	t.Helper()
	file, err := os.Open(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []recorded
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		all = append(all, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// renderOnce parses and renders; an error is text that is not empty.
func renderOnce(template string, in Input) (output, failure string) {
	parsed, problems := Parse(template)
	if parsed == nil {
		return "", "parse: " + problems[0].String()
	}
	out, err := parsed.Render(context.Background(), in, Limits{})
	if err != nil {
		return "", "render: " + err.Error()
	}
	return out.Text, ""
}

// TestRecorded holds the engine to the real Velocity 1.7, which API Gateway runs, and
// JSONPath to the real Jayway.
func TestRecorded(t *testing.T) {
	all := readRecorded(t)
	if *update {
		record(t, all)
	}
	if len(all) < 500 {
		t.Fatalf("%s has %d cases only", recordedFile, len(all))
	}
	for _, r := range all {
		output, failure := renderOnce(r.Template, Input{Body: r.body(t)})
		if r.Why == "" && (r.Ours != nil || r.OursFails) {
			t.Errorf("%q differs without a reason", r.Template)
		}
		switch {
		case r.Ours != nil:
			if failure != "" || output != *r.Ours {
				t.Errorf("%q with %s gives %q %s, want %q", r.Template, r.Body, output, failure, *r.Ours)
			}
			if output == r.Output && r.Error == "" {
				t.Errorf("%q does not differ from Velocity any more", r.Template)
			}
		case r.OursFails || r.Error != "":
			if failure == "" {
				t.Errorf("%q with %s gives %q, want an error (Velocity: %s)", r.Template, r.Body, output, r.Error)
			}
		default:
			if failure != "" || output != r.Output {
				t.Errorf("%q with %s gives %q %s, want %q", r.Template, r.Body, output, failure, r.Output)
			}
		}
	}
}

// record asks the real engine.
func record(t *testing.T, all []recorded) {
	t.Helper()
	classes := os.Getenv("VELOCITY_CLASSPATH")
	if classes == "" {
		t.Fatal("-update needs $VELOCITY_CLASSPATH, see testdata/oracle/Oracle.java")
	}
	var in bytes.Buffer
	encode := base64.StdEncoding.EncodeToString
	for _, r := range all {
		in.WriteString(encode([]byte(r.Template)) + "\t" + encode([]byte(r.body(t))) + "\n")
	}
	cmd := exec.Command("java", "-cp", classes, "testdata/oracle/Oracle.java")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(all) {
		t.Fatalf("%d answers to %d templates", len(lines), len(all))
	}
	var file bytes.Buffer
	lineOf := json.NewEncoder(&file)
	lineOf.SetEscapeHTML(false)
	for i := range all {
		kind, text, _ := strings.Cut(lines[i], "\t")
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		all[i].Output, all[i].Error = string(decoded), ""
		if kind != "OK" {
			all[i].Output, all[i].Error = "", string(decoded)
		}
		if err := lineOf.Encode(all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(recordedFile, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
