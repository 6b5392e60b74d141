package proctest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/outputtest"
)

// Patience is how long tests wait for what has to happen. It is much more than it takes:
// a machine with much else to do may take that long to start an Envoy.
const Patience = 90 * time.Second

// Process is a program that runs for the length of a test.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error
	output outputtest.Buffer
}

// Start runs a program until the test ends; its output is shown if the test fails, but for what
// goes elsewhere.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.output
	}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Stop()
		if strings.Contains(p.Output(), "WARNING: DATA RACE") {
			t.Errorf("the race detector found something in %s", cmd)
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", cmd, p.Output())
		}
	})
	return p
}

// Pid is the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Output is what the program has written to stdout and stderr so far.
func (p *Process) Output() string { return p.output.String() }

// Signal sends a signal. One to a program that has ended is lost.
func (p *Process) Signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// Stop asks the program to end, as a terminal or a service manager would, and
// gives its exit code, as Wait does.
func (p *Process) Stop() int {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// Kill ends the program without asking, and waits for its end.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Wait waits for the end of the program, and gives its exit code: -1 if a signal
// ended it.
func (p *Process) Wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Patience):
		p.Kill()
		p.t.Errorf("%s did not end within %v", p.cmd, Patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Await waits until the URL answers 200, as long as the program runs.
func (p *Process) Await(client *http.Client, url string) {
	p.t.Helper()
	last := fmt.Errorf("it was never asked")
	p.Until(url+" answers 200", func() bool {
		resp, err := client.Get(url)
		if last = err; err != nil {
			return false
		}
		resp.Body.Close()
		last = fmt.Errorf("status %s", resp.Status)
		return resp.StatusCode == http.StatusOK
	}, func() string { return last.Error() })
}

// AwaitOutput waits until the program has written a line that holds all the texts,
// and gives the line.
func (p *Process) AwaitOutput(texts ...string) (line string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("it says %q", texts), func() bool {
		for l := range strings.Lines(p.Output()) {
			line = strings.TrimSuffix(l, "\n")
			if holdsAll(line, texts) {
				return true
			}
		}
		return false
	}, nil)
	return line
}

func holdsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

// Until waits for a condition, as long as the program runs. detail, if there is
// one, tells how far it got.
func (p *Process) Until(what string, ok func() bool, detail func() string) {
	p.t.Helper()
	for end := time.Now().Add(Patience); !ok(); {
		select {
		case <-p.ended:
			if ok() {
				return
			}
			p.t.Fatalf("%s ended (%v) before %s", p.cmd, p.err, what)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			if detail != nil {
				what += "; " + detail()
			}
			p.t.Fatalf("waited in vain until %s", what)
		}
	}
}
