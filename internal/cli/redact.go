package cli

import (
	"fmt"

	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"

	udpa "github.com/cncf/xds/go/udpa/annotations"
)

const redacted = "[redacted]"

// redact gives a copy of a message without the values of fields that Envoy marks
// as sensitive, such as private keys, API keys and passwords, at any depth and
// inside packed messages. Envoy's own config dump hides the same fields.
func redact(m proto.Message) (proto.Message, error) {
	c := proto.Clone(m)
	if err := redactFields(c.ProtoReflect(), false); err != nil {
		return nil, fmt.Errorf("hiding secrets: %w", err)
	}
	return c, nil
}

// redactFields hides the sensitive fields of a message; all of them, if the
// message itself is the value of one.
func redactFields(m protoreflect.Message, all bool) error {
	switch m := m.Interface().(type) {
	case *anypb.Any:
		return redactPacked(m, all)
	case *tracev3.OpenTelemetryConfig:
		// Those are what a collector lets in by, which Envoy's own dump shows.
		for _, h := range m.GetGrpcService().GetInitialMetadata() {
			h.Value = redacted
		}
	}
	var err error
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		err = redactField(m, f, v, all || sensitive(f))
		return err == nil
	})
	return err
}

func redactPacked(packed *anypb.Any, all bool) error {
	if packed.GetTypeUrl() == "" {
		return nil // Envoy takes an empty one for "as it is".
	}
	inner, err := packed.UnmarshalNew()
	if err != nil {
		return err
	}
	if err := redactFields(inner.ProtoReflect(), all); err != nil {
		return err
	}
	return anypb.MarshalFrom(packed, inner, proto.MarshalOptions{Deterministic: true})
}

func redactField(m protoreflect.Message, f protoreflect.FieldDescriptor, v protoreflect.Value, secret bool) (err error) {
	switch {
	case f.IsMap() && f.MapValue().Message() != nil:
		v.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool {
			err = redactFields(entry.Message(), secret)
			return err == nil
		})
	case f.IsMap() && secret:
		v.Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
			v.Map().Set(k, hidden(f.MapValue()))
			return true
		})
	case f.IsMap():
	case f.IsList() && f.Message() != nil:
		for i := range v.List().Len() {
			if err := redactFields(v.List().Get(i).Message(), secret); err != nil {
				return err
			}
		}
	case f.IsList() && secret:
		for i := range v.List().Len() {
			v.List().Set(i, hidden(f))
		}
	case f.IsList():
	case f.Message() != nil:
		return redactFields(v.Message(), secret)
	case secret:
		m.Set(f, hidden(f))
	}
	return err
}

// hidden is what stands in for a value: the word where a word can stand, else zero.
func hidden(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(redacted)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(redacted))
	default:
		return f.Default()
	}
}

func sensitive(f protoreflect.FieldDescriptor) bool {
	options, ok := f.Options().(*descriptorpb.FieldOptions)
	if !ok || options == nil {
		return false
	}
	marked, _ := proto.GetExtension(options, udpa.E_Sensitive).(bool)
	return marked
}
