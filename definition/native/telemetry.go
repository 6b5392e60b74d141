package native

import (
	"path"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// parseStageAccessLog reads the format of a stage's access log, and where it goes. The
// format itself is checked where the kind of the API is known.
func parseStageAccessLog(v source.Value) *gateway.StageAccessLog {
	o := v.Object()
	format, destination := o.Require("format"), o.Get("destination")
	l := &gateway.StageAccessLog{
		FormatSource: format.TextSource(),
		Destination:  gateway.DestinationStdout,
		Source:       v.Pos(),
	}
	if format.Exists() {
		// A literal block ends with a line's end, which is none of the format.
		l.Format = strings.TrimRight(format.NonEmpty(), "\r\n")
	}
	if destination.Exists() {
		l.Destination = destination.NonEmpty()
	}
	file := l.Destination != gateway.DestinationStdout
	if file && l.Destination != "" && (!path.IsAbs(l.Destination) || path.Clean(l.Destination) != l.Destination) {
		destination.Errorf("invalid-value", "write stdout, or an absolute path such as /var/log/gatehouse/access.log", "%s is not where a log can go", destination.Shown())
		l.Destination = ""
	}
	maxSize, maxFiles := o.Get("maxSize"), o.Get("maxFiles")
	for _, option := range []source.Value{maxSize, maxFiles} {
		if option.Exists() && !file {
			option.Errorf("invalid-value", "remove it, or name a file", "%s is for files, and the log goes to stdout", option.Path())
		}
	}
	if l.MaxBytes = maxSize.Bytes(0); maxSize.Exists() && l.MaxBytes < 1<<20 {
		maxSize.Errorf("invalid-value", "write a size such as 100MiB", "a file of %s cannot be kept: it has to have room for 1 MiB", maxSize.Shown())
	}
	l.MaxFiles = int(maxFiles.Int(0, 1, 10_000))
	o.Done()
	return l
}

// parseTracing reads where a gateway's Envoys report what they trace.
func parseTracing(v source.Value) *gateway.Tracing {
	o := v.Object()
	t := &gateway.Tracing{ServiceName: o.Get("serviceName").Text(), Source: v.Pos()}
	if collector := o.Require("otlp"); collector.Exists() {
		t.Collector = *parseService(collector)
	}
	for _, h := range o.Get("headers").Object().Entries() {
		t.Headers = append(t.Headers, gateway.CollectorHeader{Name: strings.ToLower(h.Key), Value: h.Value.Secret(), Source: h.Value.Pos()})
	}
	o.Done()
	return t
}

// parseStageTracing reads which requests of a stage are traced.
func parseStageTracing(v source.Value) *gateway.StageTracing {
	o := v.Object()
	t := &gateway.StageTracing{Percent: o.Require("sampling").Number(0, 0, 100), Source: v.Pos()}
	o.Done()
	return t
}
