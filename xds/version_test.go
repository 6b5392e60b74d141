package xds_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"

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

// TestBootstrapsOfAnotherVersionAreWarnedAbout: routes may lead to clusters that they lack.
func TestBootstrapsOfAnotherVersionAreWarnedAbout(t *testing.T) {
	bootstrap, err := xds.Bootstrap(xds.BootstrapOptions{NodeID: "envoy-1", Gateway: "edge", Address: "127.0.0.1:18000"})
	if err != nil {
		t.Fatal(err)
	}
	own := bootstrap.Node.Metadata.Fields["gatehouse.clusters"].GetListValue()
	var named, has []string
	for _, v := range own.Values {
		named = append(named, v.GetStringValue())
	}
	for _, c := range bootstrap.StaticResources.Clusters {
		has = append(has, c.Name)
	}
	slices.Sort(named)
	slices.Sort(has)
	if !slices.Equal(named, has) {
		t.Errorf("a bootstrap with the clusters %q says that it has %q", has, named)
	}
	for name, test := range map[string]struct {
		clusters *structpb.ListValue
		want     string
	}{
		"this version's":   {own, ""},
		"without tools":    {&structpb.ListValue{Values: []*structpb.Value{own.Values[0], own.Values[1], own.Values[3]}}, "clusters=[gatehouse-tools]"},
		"an earlier one's": {nil, "clusters=\"[gatehouse-xds gatehouse-integration gatehouse-tools gatehouse-websocket]\""},
	} {
		logged := make(records, 100)
		s, addr := serve(t, xds.Options{Log: slog.New(slog.NewTextHandler(logged, nil))})
		set(t, s, revision("1", site(t)))
		c := connect(t, addr, "envoy-1", "edge")
		if test.clusters != nil {
			c.node.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"gatehouse.clusters": structpb.NewListValue(test.clusters)}}
		}
		c.subscribe(xds.ClusterType)
		c.expect(xds.ClusterType, "backend")
		warning := ""
		for len(logged) > 0 {
			if line := <-logged; strings.Contains(line, "bootstrap") {
				warning = line
			}
		}
		if !strings.Contains(warning, test.want) || (warning == "") != (test.want == "") {
			t.Errorf("%s: warned of %q, want %q", name, warning, test.want)
		}
	}
}
