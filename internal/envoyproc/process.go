package envoyproc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is a running Envoy.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu   sync.Mutex
	err  error
	last []string
}

// lastLines is how much of what Envoy said last goes into an error.
const lastLines = 5

func startProcess(path string, args []string, log *slog.Logger) (*process, error) {
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// A Ctrl-C in the terminal is ours to act on: Envoy is drained first.
		Setpgid: true,
		// It must not outlive us, even if we are killed.
		Pdeathsig: syscall.SIGKILL,
	}
	output, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	p := &process{cmd: cmd, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { p.readLog(output, log) })
	go func() {
		err := cmd.Wait()
		writer.Close()
		reading.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(p.ended)
	}()
	return p, nil
}

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
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// drain has Envoy close idle connections, tell clients of the others to reconnect
// elsewhere, and accept no new ones; it returns when no request is left.
func (p *process) drain(ctx context.Context, admin string) {
	if _, err := adminCall(ctx, http.MethodPost, admin+"/drain_listeners?graceful&skip_exit"); err != nil {
		return
	}
	for {
		stats, err := adminCall(ctx, http.MethodGet, admin+`/stats?filter=^http\..*\.downstream_rq_active$`)
		if err != nil || !requestsLeft(stats) {
			return
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

func adminCall(ctx context.Context, method, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(body), err
}
