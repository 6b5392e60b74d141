package envoyproc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A process is a running Envoy.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	// stopping tells that we are ending it: that it says so is no news.
	stopping atomic.Bool

	mu   sync.Mutex
	err  error
	last []string
}

// leftoverTime is how long output may go on after the end of the process.
const leftoverTime = time.Second

// lastLines is how much of what Envoy said last goes into an error.
const lastLines = 5

func startProcess(path string, args []string, log *slog.Logger) (*process, error) {
	output, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// A Ctrl-C in the terminal is ours to act on: Envoy is drained first.
		Setpgid: true,
		// It must not outlive us, even if we are killed.
		Pdeathsig: syscall.SIGKILL,
	}
	cmd.Stdout, cmd.Stderr = writer, writer
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread ends that started the process.
		// Locked to this goroutine, which waits for the process, it does not.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		writer.Close()
		started <- err
		if err == nil {
			p.wait(output, log)
		}
	}()
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", path, err), output.Close())
	}
	return p, nil
}

// wait follows the process to its end.
func (p *process) wait(output io.ReadCloser, log *slog.Logger) {
	read := make(chan struct{})
	go func() {
		p.readLog(output, log)
		close(read)
	}()
	err := p.cmd.Wait()
	select {
	case <-read:
	case <-time.After(leftoverTime):
		// What was started may be a script, and the Envoy that it started still be
		// there, and have the ports that the next one needs.
		p.signal(syscall.SIGKILL)
		_ = output.Close()
		<-read
	}
	_ = output.Close()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.ended)
}

// signal sends a signal to the process and all that it started.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// logFormat makes Envoy's lines easy to take apart: level, component, message.
const logFormat = "%l\t%n\t%v"

var logLevels = map[string]slog.Level{
	"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo,
	"warning": slog.LevelWarn, "error": slog.LevelError, "critical": slog.LevelError,
}

// readLog turns Envoy's lines into records and keeps the last ones.
func (p *process) readLog(output io.Reader, log *slog.Logger) {
	lines := bufio.NewScanner(output)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		level, component, message := slog.LevelWarn, "", lines.Text()
		if parts := strings.SplitN(message, "\t", 3); len(parts) == 3 {
			level, component, message = logLevels[parts[0]], parts[1], parts[2]
		}
		if p.stopping.Load() && level <= slog.LevelWarn {
			level = slog.LevelDebug
		}
		if message = strings.TrimSpace(message); message == "" || expected(message) {
			continue
		}
		log.Log(context.Background(), level, message, "envoy", component)
		if level >= slog.LevelWarn {
			p.mu.Lock()
			p.last = append(p.last, message)
			p.last = p.last[max(0, len(p.last)-lastLines):]
			p.mu.Unlock()
		}
	}
	_, _ = io.Copy(io.Discard, output) // a line too long ended the scan
}

// notes are warnings that our own configuration causes and nobody can act on.
var notes = regexp.MustCompile(`marked as work-in-progress|There is no configured limit to the number of allowed active downstream connections`)

func expected(message string) bool { return notes.MatchString(message) }

// failure tells how the process ended and what it said last.
func (p *process) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := errEnded
	if p.err != nil {
		err = fmt.Errorf("%w: %w", errEnded, p.err)
	}
	if len(p.last) > 0 {
		err = fmt.Errorf("%w\n%s", err, strings.Join(p.last, "\n"))
	}
	return err
}

// stop drains listeners gracefully, waits until no request is left or the time is
// up, then ends the process.
func (p *process) stop(admin string, drain time.Duration) {
	if admin != "" {
		ctx, cancel := context.WithTimeout(context.Background(), drain)
		p.drain(ctx, "http://"+admin)
		cancel()
	}
	select {
	case <-p.ended:
		return
	default:
	}
	p.stopping.Store(true)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// drain has Envoy accept no new connections, and close the others each with its
// next answer; it returns when no request is left. Envoy's own graceful draining
// would do neither within our time: it takes its --drain-time-s, ten minutes, and
// that is also how long connections may go on when a listener changes.
func (p *process) drain(ctx context.Context, admin string) {
	for _, step := range []string{"/healthcheck/fail", "/drain_listeners"} {
		if _, err := adminCall(ctx, http.MethodPost, admin+step); err != nil {
			return
		}
	}
	for quiet := 0; quiet < quietPolls; {
		stats, err := adminCall(ctx, http.MethodGet, admin+`/stats?filter=^http\..*\.downstream_rq_active$`)
		if err != nil {
			return
		}
		// A client that sent its next request before it had the answer that closes
		// the connection is between two requests for a moment.
		if quiet++; requestsLeft(stats) {
			quiet = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-p.ended:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// quietPolls is how often in a row no request must be left.
const quietPolls = 5

// requestsLeft reads Envoy's stats; the admin interface's own request is not one.
func requestsLeft(stats string) bool {
	for line := range strings.Lines(stats) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok && !strings.HasPrefix(name, "http.admin.") && value != "0" {
			return true
		}
	}
	return false
}

// adminClient goes straight to Envoy, whatever proxy the environment names.
var adminClient = &http.Client{Transport: &http.Transport{}}

func adminCall(ctx context.Context, method, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := adminClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(body), err
}
