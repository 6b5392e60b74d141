package gateway

import "testing"

func TestAsksAnew(t *testing.T) {
	for header, want := range map[string]bool{
		"max-age=0": true, "Max-Age=0": true, ` max-age = 0 `: true, `max-age="0"`: true, "no-cache, max-age=0": true, "max-age=0,x": true,
		"": false, "no-cache": false, "max-age": false, "max-age=": false, "max-age=10": false, "max-age=00": false, "s-maxage=0": false,
		"x-max-age=0": false, "max-age=0;x": false, ",,": false, "max-age=-0": false,
	} {
		if AsksAnew(header) != want {
			t.Errorf("%q: %t", header, !want)
		}
	}
}
