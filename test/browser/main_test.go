package browser

import (
	"testing"

	"gatehouse/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }
