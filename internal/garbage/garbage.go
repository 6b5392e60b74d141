// Package garbage has Go's collector run seldom in a process that keeps little and answers
// much.
//
// The collector runs when the heap has doubled. Where a few megabytes are alive, that is
// dozens of times a second under load, and each time all that is alive is looked at again.
package garbage

import (
	"os"
	"runtime"
	"runtime/debug"
)

// slack is how much garbage there may be, at least, before the collector runs.
const slack = 32 << 20

// reserve takes part in what has to double. Nothing ever writes to it, so the system gives no
// memory for it, and it holds no pointers to look at.
var reserve []byte

// CollectSeldom lets up to 32 MiB of garbage lie, for as long as the process runs: in place of
// a percentage of the heap, which would be too much for a large one. Whoever has told the
// runtime when to collect, by GOGC or a GOMEMLIMIT of less than a gigabyte, is obeyed. It is
// to be called once, before anything else runs.
func CollectSeldom() {
	if os.Getenv("GOGC") != "" || debug.SetMemoryLimit(-1) < 1<<30 {
		return
	}
	reserve = make([]byte, slack)
	runtime.KeepAlive(reserve)
}
