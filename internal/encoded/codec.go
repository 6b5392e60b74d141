// Package encoded lets gRPC servers send messages that were encoded beforehand: an answer
// that is given thousands of times is written down once.
package encoded

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// A Message knows its own encoding. It is a protocol buffer, too, so that servers without the
// option send the same bytes, if with more work.
type Message interface {
	// Encoded is the message as protocol buffers are written, nil where it was not encoded
	// yet. Nobody changes it.
	Encoded() []byte
}

// ServerOption has a server send the encoding of messages that know it. All others are
// encoded as ever.
func ServerOption() grpc.ServerOption {
	return grpc.ForceServerCodecV2(codec{encoding.GetCodecV2(proto.Name)})
}

type codec struct{ encoding.CodecV2 }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(Message); ok {
		if bytes := m.Encoded(); bytes != nil {
			return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
		}
	}
	return c.CodecV2.Marshal(v)
}
