package fault

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/disktest"
)

// TestDiskIsFull has the disk of a data directory take no further file, which nobody sees
// beforehand: the embedded etcd comes to the end of its log, and fails. When there is room
// again, so are writes, in the same process, and all that was acknowledged.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := disktest.Small(t)
	g := launchManaged(t, "--data-dir", disk).serving()
	m := managing(g)
	var acknowledged []string
	// importLarge makes an API that does not compress: a few of them fill a file of the log.
	importLarge := func() bool {
		text := make([]byte, 1<<20)
		_, _ = rand.Read(text)
		var api struct{ ID string }
		status, _ := m.call("POST", "/restapis?mode=import", fmt.Sprintf(`{"openapi":"3.0.1","info":{"title":"large","version":"1"},"paths":{},
			"components":{"schemas":{"A":{"type":"object","description":%q}}}}`, hex.EncodeToString(text)), &api)
		if status != http.StatusCreated {
			return false
		}
		acknowledged = append(acknowledged, api.ID)
		return true
	}
	problem := func() string {
		var s struct{ Management struct{ Error string } }
		_, body, _ := get(g.base + "/status")
		_ = json.Unmarshal([]byte(body), &s)
		return s.Management.Error
	}
	free := disktest.FillNames(t, disk)
	g.Until("etcd has failed", func() bool {
		importLarge()
		return strings.Contains(problem(), "has failed")
	}, problem)
	if importLarge() {
		t.Error("a write is acknowledged that etcd cannot have kept")
	}
	if len(acknowledged) == 0 || !m.has(acknowledged[0]) {
		t.Errorf("reads are not answered: %v", acknowledged)
	}
	free()
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
