package telemetry

import (
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

// readExport reads what an Envoy exports. It is not decoded as protobuf's libraries do it:
// Envoy passes on what clients send as it is, and one of them that sends what is no UTF-8
// would have a whole message refused. What is not understood is left out.
func readExport(message []byte) (node string, entries []logEntry) {
	eachField(message, func(field protowire.Number, logs []byte, _ uint64) {
		if field != resourceLogsField {
			return
		}
		eachField(logs, func(field protowire.Number, part []byte, _ uint64) {
			switch field {
			case resourceField:
				if name := attribute(part, resourceAttributesField, nodeAttribute); name != "" {
					node = name
				}
			case scopeLogsField:
				eachField(part, func(field protowire.Number, record []byte, _ uint64) {
					if field != logRecordsField {
						return
					}
					if e, ok := readRecord(record); ok {
						entries = append(entries, e)
					}
				})
			}
		})
	})
	return node, entries
}

func readRecord(record []byte) (e logEntry, ok bool) {
	text := attribute(record, recordAttributesField, wire.LoggedRequestAttribute)
	if e.LoggedRequest, ok = wire.ParseLoggedRequest(text); !ok {
		return e, false
	}
	eachField(record, func(field protowire.Number, _ []byte, at uint64) {
		if field == recordTimeField {
			e.began = time.Unix(0, int64(at)).UTC()
		}
	})
	return e, true
}

// attribute is the text of one of a message's attributes, which are a field of it.
func attribute(message []byte, attributes protowire.Number, name string) (text string) {
	eachField(message, func(field protowire.Number, pair []byte, _ uint64) {
		if field != attributes {
			return
		}
		var key, value []byte
		eachField(pair, func(field protowire.Number, part []byte, _ uint64) {
			switch field {
			case keyField:
				key = part
			case valueField:
				value = part
			}
		})
		if string(key) != name {
			return
		}
		eachField(value, func(field protowire.Number, part []byte, _ uint64) {
			if field == stringField {
				text = strings.ToValidUTF8(string(part), "\uFFFD")
			}
		})
	})
	return text
}

// eachField goes through the fields of a message until there are no more, or one that is
// broken. Of those of other kinds than bytes and numbers of eight bytes nothing is told.
func eachField(message []byte, do func(field protowire.Number, value []byte, number uint64)) {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		switch kind {
		case protowire.BytesType:
			value, n := protowire.ConsumeBytes(message)
			if n < 0 {
				return
			}
			do(field, value, 0)
			message = message[n:]
		case protowire.Fixed64Type:
			number, n := protowire.ConsumeFixed64(message)
			if n < 0 {
				return
			}
			do(field, nil, number)
			message = message[n:]
		default:
			n := protowire.ConsumeFieldValue(field, kind, message)
			if n < 0 {
				return
			}
			message = message[n:]
		}
	}
}
