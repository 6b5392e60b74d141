//go:build race

package exampletest

// raceFlags makes programs under test with the race detector, as the test itself
// was, so that the compiled packages are shared and races in them are seen.
var raceFlags = []string{"-race"}
