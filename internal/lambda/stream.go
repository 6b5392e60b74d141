package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

// Stream calls a function, and gives what it returns as it comes. The errors are those of
// Invoke; a function that fails later ends the stream with one of them. The context bounds
// the stream as a whole, which has no other bound.
// See https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
func (c *Client) Stream(ctx context.Context, t Target, event []byte) (io.ReadCloser, error) {
	if t.URL != "" {
		response, err := c.open(ctx, c.streams, t, event)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	}
	response, err := c.call(ctx, c.streams.Transport, streaming, t, event)
	if err != nil {
		return nil, err
	}
	return &chunks{body: response.Body, decoder: eventstream.NewDecoder()}, nil
}

// chunks reads the payload of an event stream.
// See https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStreamResponseEvent.html
type chunks struct {
	body    io.ReadCloser
	decoder *eventstream.Decoder
	buffer  []byte
	// left is what is not read of the chunk.
	left []byte
	// err ends the stream.
	err error
}

func (c *chunks) Close() error { return c.body.Close() }

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.left) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.left, c.err = c.next()
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

// next gives the next chunk; io.EOF after the one that says that the function has ended.
func (c *chunks) next() ([]byte, error) {
	message, err := c.decoder.Decode(c.body, c.buffer[:0])
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the stream ends before the function has: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return nil, fmt.Errorf("reading what the function streams: %w", err)
	}
	c.buffer = message.Payload
	kind := message.Headers.Get(eventstreamapi.EventTypeHeader)
	switch {
	case textOf(message.Headers.Get(eventstreamapi.MessageTypeHeader)) != eventstreamapi.EventMessageType:
		return nil, errors.New("the stream of Lambda ends with an error")
	case textOf(kind) == "PayloadChunk":
		return message.Payload, nil
	case textOf(kind) == "InvokeComplete":
		return nil, ended(message.Payload)
	}
	return nil, nil // Of a kind that is not known yet.
}

func textOf(v eventstream.Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}

// ended reads how a function ended.
func ended(about []byte) error {
	var end struct{ ErrorCode, ErrorDetails string }
	if len(bytes.TrimSpace(about)) > 0 && json.Unmarshal(about, &end) != nil {
		return errors.New("the stream of Lambda ends with what cannot be read")
	}
	if end.ErrorCode != "" {
		return &FunctionError{Type: end.ErrorCode, Message: end.ErrorDetails}
	}
	return io.EOF
}
