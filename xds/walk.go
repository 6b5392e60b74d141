package xds

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// walker visits a message and all messages in it, also those packed in
// google.protobuf.Any, where Envoy keeps the configuration of every filter.
type walker struct {
	// root is called for the message itself and for every unpacked Any: for all
	// that no other message's generated validation reaches.
	root func(proto.Message)
	// each is called for every message, roots included.
	each func(proto.Message)
	// fail is called for an Any that cannot be unpacked.
	fail func(error)
}

func (w *walker) walk(m proto.Message) {
	w.root(m)
	w.message(m.ProtoReflect())
}

func (w *walker) message(m protoreflect.Message) {
	msg := m.Interface()
	if packed, ok := msg.(*anypb.Any); ok {
		w.unpack(packed)
		return
	}
	w.each(msg)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					w.message(v.Message())
					return true
				})
			}
		case fd.Message() == nil:
		case fd.IsList():
			for i, l := 0, v.List(); i < l.Len(); i++ {
				w.message(l.Get(i).Message())
			}
		default:
			w.message(v.Message())
		}
		return true
	})
}

func (w *walker) unpack(packed *anypb.Any) {
	// An empty Any is how "nothing" is written in some oneofs.
	if packed.GetTypeUrl() == "" && len(packed.GetValue()) == 0 {
		return
	}
	m, err := packed.UnmarshalNew()
	if err != nil {
		// Unknown types are refused, not passed on: whoever builds a message
		// from Go types has linked its type, so this is a mistake of ours that
		// Envoy would only report later.
		w.fail(fmt.Errorf("unpacking %s: %w", packed.GetTypeUrl(), err))
		return
	}
	w.walk(m)
}
