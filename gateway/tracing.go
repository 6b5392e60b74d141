package gateway

// Tracing has a gateway's Envoys report how requests went, as spans, to a collector that
// understands OpenTelemetry's protocol (OTLP over gRPC). Which requests those are, their
// stages say.
type Tracing struct {
	// Collector is where spans are sent.
	Collector Service
	// Headers are sent along, to be let in.
	Headers []CollectorHeader
	// ServiceName is what spans are reported under; empty means the gateway's name.
	ServiceName string
	Source      Position
}

// CollectorHeader is a header for a collector.
type CollectorHeader struct {
	// Name is in lower case.
	Name   string
	Value  Secret
	Source Position
}

// StageTracing has requests of a stage traced.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-xray.html
type StageTracing struct {
	// Percent of the requests whose clients have not decided it, 0 to 100, in hundredths.
	Percent float64
	Source  Position
}
