package native

import (
	"math"
	"path"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// parseStageAccessLog reads the format of a stage's access log, and where it goes. The
// format itself is checked where the kind of the API is known.
func parseStageAccessLog(v source.Value) *gateway.StageAccessLog {
	o := v.Object()
	format := o.Require("format")
	l := &gateway.StageAccessLog{FormatSource: format.TextSource(), Source: v.Pos()}
	if format.Exists() {
		// A literal block ends with a line's end, which is none of the format.
		l.Format = strings.TrimRight(format.NonEmpty(), "\r\n")
	}
	l.Destination, l.MaxBytes, l.MaxFiles = parseLogDestination(o)
	o.Done()
	return l
}

// parseLogDestination reads where a log of a stage goes.
func parseLogDestination(o *source.Object) (name string, maxBytes int64, maxFiles int) {
	name = gateway.DestinationStdout
	destination := o.Get("destination")
	if destination.Exists() {
		name = destination.NonEmpty()
	}
	file := name != gateway.DestinationStdout && name != gateway.DestinationOTLP
	if file && name != "" && (!path.IsAbs(name) || path.Clean(name) != name) {
		destination.Errorf("invalid-value", "write stdout, otlp, or an absolute path such as /var/log/gatehouse/access.log", "%s is not where a log can go", destination.Shown())
		name = ""
	}
	size, files := o.Get("maxSize"), o.Get("maxFiles")
	for _, option := range []source.Value{size, files} {
		if option.Exists() && !file {
			option.Errorf("invalid-value", "remove it, or name a file", "%s is for files, and the log goes to %s", option.Path(), name)
		}
	}
	if maxBytes = size.Bytes(0); size.Exists() && maxBytes < 1<<20 {
		size.Errorf("invalid-value", "write a size such as 100MiB", "a file of %s cannot be kept: it has to have room for 1 MiB", size.Shown())
	}
	return name, maxBytes, int(files.Int(0, 1, 10_000))
}

// parseExecutionLog reads what a stage's execution log tells, and where it goes.
func parseExecutionLog(v source.Value) *gateway.ExecutionLog {
	o := v.Object()
	l := &gateway.ExecutionLog{ExecutionDetail: parseExecutionDetail(o), Source: v.Pos()}
	l.Destination, l.MaxBytes, l.MaxFiles = parseLogDestination(o)
	o.Done()
	return l
}

// parseExecutionDetail reads what a stage and its routes may say alike.
func parseExecutionDetail(o *source.Object) gateway.ExecutionDetail {
	level := o.Require("level").OneOf(string(gateway.ExecutionOff), string(gateway.ExecutionErrors), string(gateway.ExecutionSteps))
	return gateway.ExecutionDetail{Level: gateway.ExecutionLevel(level), DataTrace: o.Get("dataTrace").Bool(false)}
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
	sampling := o.Require("sampling")
	t := &gateway.StageTracing{Percent: sampling.Number(0, 0, 100), Source: v.Pos()}
	if parts := t.Percent * 100; math.Abs(parts-math.Round(parts)) > 1e-9 {
		sampling.Errorf("out-of-range", "Envoy tells no smaller shares of requests apart", "%s is %s, must be of whole hundredths", sampling.Path(), sampling.Raw())
	}
	o.Done()
	return t
}
