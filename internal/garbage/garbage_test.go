package garbage

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"testing"
)

// A process of its own says how large its heap may get before the collector runs.
const childVariable = "GATEHOUSE_TEST_GARBAGE"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "seldom":
		CollectSeldom()
		fallthrough
	case "usual":
		runtime.GC()
		goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
		metrics.Read(goal)
		fmt.Print(goal[0].Value.Uint64())
		return
	}
	os.Exit(m.Run())
}

func TestCollectSeldom(t *testing.T) {
	goal := func(how, env string) (bytes int) {
		t.Helper()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "GOGC=", "GOMEMLIMIT=", env, childVariable+"="+how)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(out), &bytes); err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	if usual := goal("usual", "GOGC="); usual > 8<<20 {
		t.Errorf("without it, the collector runs at %d bytes: this test says nothing", usual)
	}
	if seldom := goal("seldom", "GOGC="); seldom < slack {
		t.Errorf("the collector runs at %d bytes", seldom)
	}
	for _, env := range []string{"GOGC=100", "GOMEMLIMIT=500MiB"} {
		if got := goal("seldom", env); got > 8<<20 {
			t.Errorf("%s was not obeyed: the collector runs at %d bytes", env, got)
		}
	}
}
