package cli

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// progressAfter is how long something may take before it shows how far it is. Tests wait
// less.
var progressAfter = 500 * time.Millisecond

// progressEvery is how often that is shown.
const progressEvery = 100 * time.Millisecond

// progress shows on a terminal how far something is that takes its time. It leaves nothing
// behind, and is quiet where nobody looks: in a pipe, or a file.
type progress struct {
	to      io.Writer // nil where nobody looks
	what    string
	ended   chan struct{}
	showing sync.WaitGroup

	mu        sync.Mutex
	done, all int
}

// startProgress begins something, such as "reading definitions".
func startProgress(cmd *cobra.Command, what string) *progress {
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	p := &progress{to: f, what: what, ended: make(chan struct{})}
	p.showing.Go(p.show)
	return p
}

// step tells how much of all is done. Without it, only that something is going on is shown.
func (p *progress) step(done, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.all = done, all
}

// end takes away what is shown, so that other lines can follow.
func (p *progress) end() {
	if p.to != nil {
		close(p.ended)
		p.showing.Wait()
	}
}

func (p *progress) show() {
	select {
	case <-p.ended:
		return
	case <-time.After(progressAfter):
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	var bar *progressbar.ProgressBar
	of := 0
	for {
		p.mu.Lock()
		done, all := p.done, p.all
		p.mu.Unlock()
		if bar == nil || all != of {
			bar, of = p.newBar(all), all
		}
		// A terminal that is gone is nobody's loss.
		if all == 0 {
			_ = bar.Add(1)
		} else {
			_ = bar.Set(min(done, all-1)) // a bar that is full would be the last
		}
		select {
		case <-p.ended:
			_ = bar.Clear()
			return
		case <-tick.C:
		}
	}
}

// newBar shows a part of all, or, where that is not known, that there is something.
func (p *progress) newBar(all int) *progressbar.ProgressBar {
	options := []progressbar.Option{progressbar.OptionSetWriter(p.to), progressbar.OptionSetDescription(p.what), progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(false)}
	if all == 0 {
		// What is counted are turns, which say nothing. It is turned from here: by itself it
		// would write while it is taken away.
		return progressbar.NewOptions(-1, append(options, progressbar.OptionSpinnerType(9), progressbar.OptionSetSpinnerChangeInterval(0))...)
	}
	return progressbar.NewOptions(all, append(options, progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false))...)
}
