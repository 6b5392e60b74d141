//go:build !race

package proctest

// Race tells whether tests, and the programs that they build, have the race detector.
const Race = false

var raceFlags []string
