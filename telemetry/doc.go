// Package telemetry is told by Envoys about every request, and makes of it what people
// want to know: lines of access logs in the formats of stages, and metrics by the names
// that Amazon CloudWatch has for them.
//
// Envoy tells what it knows in one form for all stages (as records of OpenTelemetry's logs);
// which of it a stage logs, and how, is compiled from the Snapshot here. Neither side
// waits for the other: Envoy drops what it cannot send, this package what it cannot
// write, and both count that.
package telemetry
