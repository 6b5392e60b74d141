package cli

import (
	"strings"
	"testing"

	"gatehouse/gateway"
)

// TestLogsWithoutCollector holds that a log which is to be sent where there is nobody is told
// of, at its line.
func TestLogsWithoutCollector(t *testing.T) {
	at := func(line int) gateway.Position {
		return gateway.Position{File: "gatehouse.yaml", Line: line, Column: 1}
	}
	s := &gateway.Snapshot{APIs: []gateway.API{{ID: "shop", Stages: []gateway.Stage{
		{Name: "v1", AccessLog: &gateway.StageAccessLog{Destination: gateway.DestinationOTLP, Source: at(7)}},
		{Name: "v2", AccessLog: &gateway.StageAccessLog{Destination: gateway.DestinationStdout, Source: at(8)}, ExecutionLog: &gateway.ExecutionLog{Destination: gateway.DestinationOTLP, Source: at(9)}},
		{Name: "v3"},
	}}}}
	found := (&controlPlane{}).logsWithoutCollector(s)
	var told []string
	for _, d := range found {
		told = append(told, d.String())
	}
	if got := strings.Join(told, "\n"); len(found) != 2 || found.HasErrors() || !strings.Contains(got, "gatehouse.yaml:7:1: warning no-log-collector: the access log of the stage shop/v1") ||
		!strings.Contains(got, "gatehouse.yaml:9:1: warning no-log-collector: the execution log of the stage shop/v2") {
		t.Errorf("told is\n%s", got)
	}
}
