package lambdatest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// stream is the Invoke API for functions whose answers are streamed.
// See https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	f, event := s.find(w, r)
	if f == nil {
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	out := &eventStream{w: w, encoder: eventstream.NewEncoder()}
	defer out.close()
	result, failed, err := f.call(r.Context(), event, out)
	if err != nil {
		return // The caller is gone.
	}
	about := map[string]string{}
	if failed {
		about["ErrorCode"], about["ErrorDetails"] = "Unhandled", string(result)
	}
	text, _ := json.Marshal(about) // Of texts.
	out.send("InvokeComplete", "application/json", text)
}

// eventStream is the answer to such a call. The process of the function writes to it while
// the caller is there.
type eventStream struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	encoder *eventstream.Encoder
	closed  bool
}

func (e *eventStream) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
}

func (e *eventStream) send(kind, contentType string, payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	m := eventstream.Message{Payload: payload}
	m.Headers.Set(":message-type", eventstream.StringValue("event"))
	m.Headers.Set(":event-type", eventstream.StringValue(kind))
	m.Headers.Set(":content-type", eventstream.StringValue(contentType))
	if e.encoder.Encode(e.w, m) == nil {
		_ = http.NewResponseController(e.w).Flush()
	}
}

// relay passes on what a process returns, and tells how it ended: by a trailer, or by
// breaking off.
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
func (e *eventStream) relay(r *http.Request) ended {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buffer)
		if n > 0 {
			e.send("PayloadChunk", "application/octet-stream", buffer[:n])
		}
		if err == nil {
			continue
		}
		if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
			return ended{[]byte(kind), true}
		}
		if !errors.Is(err, io.EOF) {
			return ended{[]byte("Runtime.ExitError"), true}
		}
		return ended{}
	}
}
