package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// counting has the instructions of Envoys counted in place of their CPU time. They take some
// fifty times as long for it.
var counting bool

// startPatience is how long an Envoy may take until it serves.
func startPatience() time.Duration {
	if counting {
		return 3 * time.Minute
	}
	return 30 * time.Second
}

// counted is a command under valgrind's callgrind, which has instructions counted.
// See https://valgrind.org/docs/manual/cl-manual.html
func counted(cmd *exec.Cmd, dir string) (*exec.Cmd, error) {
	for _, tool := range []string{"valgrind", "callgrind_control"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("to count instructions takes valgrind: %w", err)
		}
	}
	return exec.Command("valgrind", append([]string{"--tool=callgrind", "--callgrind-out-file=" + countsFile(dir)}, cmd.Args...)...), nil
}

func countsFile(dir string) string { return filepath.Join(dir, "counts") }

// countedSoFar is how many instructions an Envoy has run, in thousands.
func (e *envoy) countedSoFar() (float64, error) {
	// What is dumped is what has happened since the dump before.
	if out, err := exec.Command("callgrind_control", "--dump", strconv.Itoa(e.cmd.Process.Pid)).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("callgrind_control: %w: %s", err, out)
	}
	e.dumps++
	file := fmt.Sprintf("%s.%d", countsFile(e.dir), e.dumps)
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		total, err := totalOf(file)
		if err == nil {
			e.instructions += total / 1000
			return e.instructions, nil
		}
		if time.Now().After(end) {
			return 0, err
		}
	}
}

// totalOf reads the sum that ends a file of callgrind's.
func totalOf(file string) (float64, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "totals: "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("%s: no totals (%w)", file, lines.Err())
}
