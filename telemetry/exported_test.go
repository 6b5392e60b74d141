package telemetry

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gatehouse/internal/wire"
	"gatehouse/telemetry/history"
)

func textAttribute(name, text string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: name, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: text}}}
}

// exported is the message in which an Envoy tells about requests.
func exported(node string, entries ...*logEntry) []byte {
	scope := &logspb.ScopeLogs{}
	for _, e := range entries {
		scope.LogRecords = append(scope.LogRecords, &logspb.LogRecord{
			TimeUnixNano: uint64(e.began.UnixNano()), Attributes: []*commonpb.KeyValue{textAttribute(wire.LoggedRequestAttribute, e.String())},
		})
	}
	message, err := proto.Marshal(&collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
		Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{textAttribute("log_name", "gatehouse"), textAttribute(nodeAttribute, node)}},
		ScopeLogs: []*logspb.ScopeLogs{scope},
	}}})
	if err != nil {
		panic(err)
	}
	return message
}

// TestReadExport holds that what is told is read whole, and that something odd in it costs
// nothing of the rest.
func TestReadExport(t *testing.T) {
	good, odd := entry("shop", "v1", "GET /pets/{id}"), entry("shop", "v1", "GET /pets/{id}")
	odd.Flags, odd.began = "-", time.Unix(0, 1<<62).UTC()
	read := func(message export) (entries []logEntry, others int) {
		for e := range message.entries() {
			if e == nil {
				others++
				continue
			}
			entries = append(entries, *e)
		}
		return entries, others
	}
	message := exported("edge-1", good, odd, good)
	got, others := read(message)
	odd.Flags = ""
	if diff := cmp.Diff([]logEntry{*good, *odd, *good}, got, cmp.AllowUnexported(logEntry{})); diff != "" || export(message).node() != "edge-1" || others != 0 {
		t.Errorf("read of %q, and %d others (-want):\n%s", export(message).node(), others, diff)
	}

	// As Envoy sends it: what clients send is not looked at.
	field := func(number protowire.Number, value string) string {
		return string(protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value))
	}
	record := func(text string) string {
		pair := field(keyField, wire.LoggedRequestAttribute) + field(valueField, field(stringField, text))
		return field(logRecordsField, string(protowire.AppendFixed64(protowire.AppendTag(nil, recordTimeField, protowire.Fixed64Type), uint64(good.began.UnixNano())))+field(recordAttributesField, pair))
	}
	bytes := *good
	bytes.Asked = "\xff\xfe <"
	got, others = read([]byte(field(resourceLogsField, field(scopeLogsField, record(bytes.String())+record("something else")+record(good.String()+"\nmore")+record(good.String())))))
	bytes.Asked = "\uFFFD <"
	if diff := cmp.Diff([]logEntry{bytes, *good}, got, cmp.AllowUnexported(logEntry{})); diff != "" || others != 2 {
		t.Errorf("read of what is no UTF-8, and %d others (-want):\n%s", others, diff)
	}
}

func FuzzReadExport(f *testing.F) {
	f.Add(exported("edge-1", entry("shop", "v1", "GET /pets/{id}"), &logEntry{}))
	f.Add([]byte{})
	s := New(Options{Stdout: io.Discard, Log: slog.New(slog.DiscardHandler), History: history.New(history.Options{})})
	s.Swap(s.Compile(snapshot(toStdout("$context.path $context.authorizer.claims.sub $context.responseLatency $context.error.message $context.identity.clientCert.subjectDN"))))
	f.Fuzz(func(_ *testing.T, message []byte) {
		s.handle(newBatch(), message)
	})
}
