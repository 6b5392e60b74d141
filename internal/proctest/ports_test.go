package proctest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// more than a block has.
const many = blockSize

// TestPortsOfProcesses has two processes be given ports side by side: none is given twice,
// though nothing listens on them.
func TestPortsOfProcesses(t *testing.T) {
	const told = "PROCTEST_TELLS_PORTS"
	var own []string
	for range many {
		own = append(own, fmt.Sprint(FreePort(t)))
	}
	if os.Getenv(told) != "" {
		fmt.Printf("ports %s\n", strings.Join(own, " "))
		return
	}
	other := exec.Command(os.Args[0], "-test.run", "^TestPortsOfProcesses$")
	other.Env = append(os.Environ(), told+"=1")
	out, err := other.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	others := strings.Fields(strings.TrimPrefix(line, "ports "))
	if len(others) != many {
		t.Fatalf("the other process tells %q", out)
	}
	seen := map[string]bool{}
	for _, port := range append(own, others...) {
		if seen[port] {
			t.Errorf("port %s was given twice", port)
		}
		seen[port] = true
	}
}
