package translator

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"time"
)

// anyOf packs a message. Marshalling is deterministic, so that equal models give
// equal bytes; it cannot fail for messages made here.
func anyOf(m proto.Message) *anypb.Any {
	packed := new(anypb.Any)
	if err := anypb.MarshalFrom(packed, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		panic("translator: packing " + string(m.ProtoReflect().Descriptor().FullName()) + ": " + err.Error())
	}
	return packed
}

func millis(n int64) *durationpb.Duration {
	return durationpb.New(time.Duration(n) * time.Millisecond)
}

func uint32Value(n uint32) *wrapperspb.UInt32Value { return wrapperspb.UInt32(n) }
