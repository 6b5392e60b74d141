package xds_test

import (
	"log/slog"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"gatehouse/xds"
)

// records are what was logged.
type records chan string

func (r records) Write(p []byte) (int, error) {
	r <- string(p)
	return len(p), nil
}

func TestEnvoysOfAnotherSeriesAreWarnedAbout(t *testing.T) {
	for version, want := range map[*typev3.SemanticVersion]bool{
		{MajorNumber: 1, MinorNumber: 40, Patch: 7}: false,
		{MajorNumber: 1, MinorNumber: 4}:            true,
		{MajorNumber: 1, MinorNumber: 41}:           true,
	} {
		logged := make(records, 100)
		s, addr := serve(t, xds.Options{Log: slog.New(slog.NewTextHandler(logged, nil))})
		set(t, s, revision("1", site(t)))
		c := connect(t, addr, "envoy-1", "edge")
		c.node.UserAgentVersionType = &corev3.Node_UserAgentBuildVersion{
			UserAgentBuildVersion: &corev3.BuildVersion{Version: version},
		}
		c.subscribe(xds.ClusterType)
		c.expect(xds.ClusterType, "backend")
		warned := false
		for len(logged) > 0 {
			line := <-logged
			warned = warned || strings.Contains(line, "level=WARN") && strings.Contains(line, "wanted=1.40")
		}
		if warned != want {
			t.Errorf("version %s: warned is %v, want %v", version, warned, want)
		}
	}
}
