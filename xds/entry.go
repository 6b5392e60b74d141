package xds

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// entry is a resource with what is worth knowing of it without looking into it
// again. It is immutable.
type entry struct {
	msg proto.Message
	// version is the one that go-control-plane sends with the resource.
	version string
	// refs are the resources that this one needs, sorted, each once.
	refs []Reference
}

// newEntry validates a resource and gives its entry, which is valid only if
// there are no errors. The old entry of that name, or nil, spares a resource that
// was built anew but has the same bytes from being validated again.
func newEntry(typeURL, name string, msg proto.Message, old *entry) (*entry, []error) {
	if msg == nil || !msg.ProtoReflect().IsValid() {
		return nil, []error{errors.New("the message is nil")}
	}
	if got := "type.googleapis.com/" + string(proto.MessageName(msg)); got != typeURL {
		return nil, []error{fmt.Errorf("the message is a %s", got)}
	}
	if got := cache.GetResourceName(msg); got != name {
		return nil, []error{fmt.Errorf("the message calls itself %q", got)}
	}

	bytes, err := cache.MarshalResource(msg)
	if err != nil {
		return nil, []error{fmt.Errorf("marshalling: %w", err)}
	}
	e := &entry{msg: msg, version: cache.HashResource(bytes)}
	// Equal bytes are what decides whether anything is sent, and comparing
	// hashes is several times faster than proto.Equal.
	if old != nil && old.version == e.version {
		e.refs = old.refs
		return e, nil
	}

	var errs []error
	refs := map[Reference]struct{}{}
	w := walker{
		root: func(m proto.Message) {
			if v, ok := m.(interface{ ValidateAll() error }); ok {
				if err := v.ValidateAll(); err != nil {
					errs = append(errs, err)
				}
			}
		},
		each: func(m proto.Message) { collectReferences(m, refs) },
		fail: func(err error) { errs = append(errs, err) },
	}
	w.walk(msg)
	if len(errs) > 0 {
		// Messages are walked in no particular order.
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errs
	}

	for r := range refs {
		e.refs = append(e.refs, r)
	}
	slices.SortFunc(e.refs, Reference.compare)
	return e, nil
}
