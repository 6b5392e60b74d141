package cli

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/outputtest"
)

// gated takes nothing before it is open.
type gated struct {
	outputtest.Buffer
	open chan struct{}
}

func (g *gated) Write(p []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(p)
}

// TestLogNobodyReads holds that who logs waits for a moment at most, once, while nothing takes
// its lines; that the lines that waited are all written, the others counted; and that each line
// is written before more is done while something takes them.
func TestLogNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := &gated{open: make(chan struct{})}
		log := addLogFlags(&cobra.Command{}).logger(got)
		began := time.Now()
		long := strings.Repeat("x", 1<<10)
		const lines = 2000
		for range lines {
			log.Info(long)
		}
		if took := time.Since(began); took != logPatience {
			t.Errorf("logging took %v, want %v", took, logPatience)
		}
		close(got.open)
		synctest.Wait()
		kept := strings.Count(got.String(), long)
		if kept < 900 || kept > 1100 {
			t.Errorf("%d lines were kept", kept)
		}
		if want := "lines of this log are lost: nothing has taken them\" lines=" + strconv.Itoa(lines-kept); strings.Count(got.String(), want) != 1 {
			t.Errorf("there is no %q at the end: %s", want, got.String()[max(0, len(got.String())-500):])
		}
		log.Info("at once")
		if !strings.Contains(got.String(), "at once") {
			t.Error("a line is not written when the next one may be")
		}
	})
}
