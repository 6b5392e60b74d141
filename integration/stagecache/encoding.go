package stagecache

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
)

// form is the first byte of an entry outside of this process. Another one is that of
// another version, whose entries are not known here.
const form = 1

// about is what stands before the body. Values of headers may be bytes that are no text.
type about struct {
	Status int                 `json:"status"`
	Header map[string][][]byte `json:"header"`
}

// encode writes an entry: the form, the generation, the length of what is about it, that,
// and the body.
func encode(e *Entry, g Generation) []byte {
	// Its parts cannot fail to be written.
	header := make(map[string][][]byte, len(e.Header))
	for name, values := range e.Header {
		for _, value := range values {
			header[name] = append(header[name], []byte(value))
		}
	}
	head, _ := json.Marshal(about{e.Status, header})
	text := make([]byte, 0, 1+8+4+len(head)+len(e.Body))
	text = append(text, form)
	text = binary.BigEndian.AppendUint64(text, uint64(g))
	text = binary.BigEndian.AppendUint32(text, uint32(len(head)))
	text = append(text, head...)
	return append(text, e.Body...)
}

// decode reads an entry; nil for what is none. Who can write to Redis decides what clients
// get, but must not be able to break more than that.
func decode(text []byte) (*Entry, Generation) {
	if len(text) < 13 || text[0] != form {
		return nil, unknownGeneration
	}
	g := Generation(binary.BigEndian.Uint64(text[1:]))
	length := uint64(binary.BigEndian.Uint32(text[9:]))
	text = text[13:]
	if length > uint64(len(text)) {
		return nil, g
	}
	var head about
	if json.Unmarshal(text[:length], &head) != nil || head.Status < 200 || head.Status > 599 {
		return nil, g
	}
	e := &Entry{head.Status, make(http.Header, len(head.Header)), text[length:]}
	for name, values := range head.Header {
		for _, value := range values {
			e.Header[name] = append(e.Header[name], string(value))
		}
	}
	return e, g
}
