package telemetry

import (
	"iter"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"gatehouse/internal/wire"
)

// logEntry is what an Envoy tells about a request that has ended.
type logEntry struct {
	// began is when its first byte came, by Envoy's clock.
	began time.Time
	wire.LoggedRequest
}

// Numbers of the fields of OpenTelemetry's messages that are read.
// See https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto
const (
	resourceLogsField = 1 // of ExportLogsServiceRequest

	resourceField  = 1 // of ResourceLogs
	scopeLogsField = 2

	resourceAttributesField = 1 // of Resource

	logRecordsField = 2 // of ScopeLogs

	recordTimeField       = 1 // of LogRecord, in nanoseconds
	recordAttributesField = 6

	keyField   = 1 // of KeyValue
	valueField = 2

	stringField = 1 // of AnyValue
)

// nodeAttribute is the attribute of a resource in which Envoy tells the id of its node.
const nodeAttribute = "node_name"

// An export is the message in which an Envoy tells about requests. It is not decoded as
// protobuf's libraries do it: Envoy passes on what clients send as it is, and one of them that
// sends what is no UTF-8 would have a whole message refused.
type export []byte

// node is the id of the Envoy that tells.
func (message export) node() (id string) {
	for logs := range each(message, resourceLogsField) {
		for resource := range each(logs, resourceField) {
			if name := attribute(resource, resourceAttributesField, nodeAttribute); name != "" {
				id = name
			}
		}
	}
	return id
}

// entries are what is told, nil for each record that is not understood. Each is overwritten by
// the next: a message may have thousands, and what all of them take would not stay near the
// processor.
func (message export) entries() iter.Seq[*logEntry] {
	return func(yield func(*logEntry) bool) {
		var e logEntry
		for logs := range each(message, resourceLogsField) {
			for scope := range each(logs, scopeLogsField) {
				for record := range each(scope, logRecordsField) {
					read := &e
					if !e.read(record) {
						read = nil
					}
					if !yield(read) {
						return
					}
				}
			}
		}
	}
}

// read is false where a record is not one of a request.
func (e *logEntry) read(record []byte) (ok bool) {
	e.began = time.Time{}
	if e.LoggedRequest, ok = wire.ParseLoggedRequest(attribute(record, recordAttributesField, wire.LoggedRequestAttribute)); !ok {
		return false
	}
	for f := range fields(record) {
		if f.number == recordTimeField {
			e.began = time.Unix(0, int64(f.fixed)).UTC()
		}
	}
	return true
}

// attribute is the text of one of a message's attributes, which are a field of it.
func attribute(message []byte, attributes protowire.Number, name string) (text string) {
	for pair := range each(message, attributes) {
		if string(last(pair, keyField)) == name {
			text = strings.ToValidUTF8(string(last(last(pair, valueField), stringField)), "\uFFFD")
		}
	}
	return text
}

// last is the value of a field, of which the last one counts; nil for none.
func last(message []byte, number protowire.Number) (value []byte) {
	for value = range each(message, number) {
	}
	return value
}

// each are the values of a field.
func each(message []byte, number protowire.Number) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for f := range fields(message) {
			if f.number == number && f.bytes != nil && !yield(f.bytes) {
				return
			}
		}
	}
}

// field is one of a message. Its value is bytes, or a number of eight bytes, or is not told.
type field struct {
	number protowire.Number
	bytes  []byte
	fixed  uint64
}

// fields are those of a message, until there are no more, or one is broken.
func fields(message []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		for len(message) > 0 {
			number, kind, n := protowire.ConsumeTag(message)
			if n < 0 {
				return
			}
			f, rest := field{number: number}, message[n:]
			switch kind {
			case protowire.BytesType:
				f.bytes, n = protowire.ConsumeBytes(rest)
			case protowire.Fixed64Type:
				f.fixed, n = protowire.ConsumeFixed64(rest)
			default:
				n = protowire.ConsumeFieldValue(number, kind, rest)
			}
			if n < 0 || !yield(f) {
				return
			}
			message = rest[n:]
		}
	}
}
