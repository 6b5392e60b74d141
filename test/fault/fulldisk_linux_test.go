package fault

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/disktest"
	"gatehouse/internal/proctest"
)

// TestDiskIsFull fills the disk of a data directory amid writes, all at once, so that the
// embedded etcd comes to the end of it and fails. When there is room again, so are writes,
// in the same process, and all that was acknowledged.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := disktest.Small(t)
	g := launchManaged(t, "--data-dir", disk).serving()
	m := managing(g)
	var mu sync.Mutex
	var acknowledged []string
	// importLarge makes an API that does not compress.
	importLarge := func() bool {
		text := make([]byte, 128<<10)
		_, _ = rand.Read(text)
		var api struct{ ID string }
		status, _ := m.call("POST", "/restapis?mode=import", fmt.Sprintf(`{"openapi":"3.0.1","info":{"title":"large","version":"1"},"paths":{},
			"components":{"schemas":{"A":{"type":"object","description":%q}}}}`, hex.EncodeToString(text)), &api)
		if status != http.StatusCreated {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		acknowledged = append(acknowledged, api.ID)
		return true
	}
	problem := func() string {
		var s struct{ Management struct{ Error string } }
		_, body, _ := get(g.base + "/status")
		_ = json.Unmarshal([]byte(body), &s)
		return s.Management.Error
	}
	for end := time.Now().Add(proctest.Patience); ; {
		var writing sync.WaitGroup
		var filled atomic.Bool
		for range 4 {
			writing.Go(func() {
				for !filled.Load() {
					importLarge()
				}
			})
		}
		free := disktest.Fill(t, disk, 0)
		filled.Store(true)
		writing.Wait()
		failed := false
		for look := time.Now().Add(time.Second); !failed && time.Now().Before(look); time.Sleep(10 * time.Millisecond) {
			failed = strings.Contains(problem(), "has failed")
		}
		if failed {
			if importLarge() {
				t.Error("a write is acknowledged that etcd cannot have kept")
			}
			if len(acknowledged) > 0 && !m.has(acknowledged[0]) {
				t.Error("reads are not answered while etcd has failed")
			}
		}
		free()
		if failed {
			break
		}
		if time.Now().After(end) {
			t.Skip("SKIPPED: the writes always noticed in time that there is no room")
		}
	}
	g.Until("writes are taken again", importLarge, problem)
	for _, id := range acknowledged {
		if !m.has(id) {
			t.Errorf("the API %s was acknowledged, and is lost", id)
		}
	}
	g.Stop()
	again := managing(launchManaged(t, "--data-dir", disk).serving())
	for _, id := range acknowledged {
		if !again.has(id) {
			t.Errorf("the API %s was acknowledged, and is lost with the process", id)
		}
	}
}
