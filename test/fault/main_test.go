// Package fault breaks things under load: gatehouse as users run it, real Envoys,
// requests all the time, and files, processes and disks that go wrong meanwhile.
package fault

import (
	"testing"

	"gatehouse/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }
