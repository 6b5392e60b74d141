package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/internal/lambda"
)

// Streamer calls Lambda functions and gives what they return as it comes: a
// *lambda.Client. Its errors are those of lambda.Client.Stream.
type Streamer interface {
	Stream(ctx context.Context, target lambda.Target, event []byte) (io.ReadCloser, error)
}

// lambdaStream calls a function with the event of a lambdaProxy, and passes on what it
// returns as it comes: JSON with what an answer begins with, eight NULs, and the body.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
type lambdaStream struct{ lambdaProxy }

func (p *lambdaStream) kind() string { return "lambda-stream" }

const (
	// maxPreludeBytes is where the NULs have to have come.
	maxPreludeBytes = 16 << 10
	// streamBuffer is what is read at once.
	streamBuffer = 32 << 10
)

var preludeEnd = make([]byte, 8)

func (p *lambdaStream) serve(x *exchange) {
	event, trace, ok := p.prepare(x)
	if !ok {
		return
	}
	if !x.memory.take(x.ctx(), streamBuffer) {
		x.fail(x.noMemory(), "there is no memory for a stream")
		return
	}
	if x.execution != nil {
		x.execution.Asked(p.target.Shown(), nil, event)
	}
	begin := time.Now()
	stream, err := x.server.streams.Stream(x.naming(x.ctx()), p.target, event)
	x.called = callStatus(err)
	if err != nil {
		x.fail(callFailure(x.ctx(), err), err.Error())
		return
	}
	defer stream.Close()
	x.execution.Answered(http.StatusOK, time.Since(begin))
	buffer := make([]byte, streamBuffer)
	prelude, first, err := readPrelude(stream, buffer)
	if err != nil {
		x.fail(preludeFailure(x.ctx(), err), err.Error())
		return
	}
	a, err := readStreamAnswer(prelude)
	if err != nil {
		x.fail(badPrelude, err.Error())
		return
	}
	x.answerHeader(a, trace, true)
	x.tellCall()
	x.begin(a.status)
	x.w.WriteHeader(a.status)
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified || x.request.Method == http.MethodHead {
		return
	}
	if err := x.relay(first, stream, buffer); err != nil {
		// The status is out: all that is left is to let the answer not look complete.
		if x.ctx().Err() != nil {
			x.failed = gone.name
			x.log(slog.LevelDebug, x.failed, err.Error())
		} else {
			x.failed = brokenStream
			x.warn(x.failed, err.Error())
		}
		panic(http.ErrAbortHandler)
	}
}

// brokenStream is the name of the failure of an answer that has begun.
const brokenStream = "broken-stream"

// relay passes on what has come and what comes, without waiting for more.
func (x *exchange) relay(first []byte, stream io.Reader, buffer []byte) error {
	control := http.NewResponseController(x.w)
	for {
		if len(first) > 0 {
			if _, err := x.w.Write(first); err != nil {
				return err
			}
		}
		if err := control.Flush(); err != nil {
			return err
		}
		n, err := stream.Read(buffer)
		first = buffer[:n]
		if err != nil {
			if n > 0 {
				if _, err := x.w.Write(first); err != nil {
					return err
				}
			}
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

var errNoPrelude = errors.New("what the function streams does not begin with JSON and eight NULs")

// readPrelude reads what an answer begins with, and gives it with what was read beyond it.
func readPrelude(stream io.Reader, buffer []byte) (prelude, rest []byte, err error) {
	read := 0
	for {
		n, err := stream.Read(buffer[read:])
		// The end may have come in two parts.
		from := max(read-len(preludeEnd)+1, 0)
		read += n
		if i := bytes.Index(buffer[from:read], preludeEnd); i >= 0 && from+i <= maxPreludeBytes {
			end := from + i
			return bytes.Clone(buffer[:end]), buffer[end+len(preludeEnd) : read], nil
		}
		switch {
		case err == io.EOF, err == nil && read > maxPreludeBytes+len(preludeEnd):
			return nil, nil, errNoPrelude
		case err != nil:
			return nil, nil, err
		}
	}
}

// preludeFailure tells why an answer has not begun.
func preludeFailure(ctx context.Context, err error) *failure {
	if errors.Is(err, errNoPrelude) {
		return badPrelude
	}
	return callFailure(ctx, err)
}

// readStreamAnswer reads what an answer begins with.
func readStreamAnswer(text []byte) (*answer, error) {
	var r result
	if json.Unmarshal(text, &r) != nil || r == nil {
		return nil, errNotObject
	}
	a := &answer{status: http.StatusOK, header: http.Header{}}
	if err := r.status(a); err != nil {
		return nil, err
	}
	if err := r.headerLists(a); err != nil {
		return nil, err
	}
	if err := r.headers(a, false); err != nil {
		return nil, err
	}
	return a, r.cookies(a)
}
