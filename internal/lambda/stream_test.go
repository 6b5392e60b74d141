package lambda_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"gatehouse/internal/lambda"
)

// message is one of an event stream, as Lambda sends them.
func message(t testing.TB, headers map[string]string, payload string) []byte {
	m := eventstream.Message{Payload: []byte(payload)}
	for name, value := range headers {
		m.Headers.Set(name, eventstream.StringValue(value))
	}
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func chunk(t testing.TB, payload string) []byte {
	return message(t, map[string]string{":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream"}, payload)
}

func complete(t testing.TB, payload string) []byte {
	return message(t, map[string]string{":message-type": "event", ":event-type": "InvokeComplete", ":content-type": "application/json"}, payload)
}

func TestStreams(t *testing.T) {
	without(t)
	wrong := chunk(t, "one")
	wrong[len(wrong)-5] ^= 1 // The last byte before the sum.
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for name, c := range map[string]struct {
		sent [][]byte
		text string
		// fails is the kind of error, "" for a good end.
		fails string
	}{
		"chunks":               {[][]byte{chunk(t, "one "), chunk(t, ""), chunk(t, "two"), complete(t, "{}")}, "one two", ""},
		"large":                {[][]byte{chunk(t, big), chunk(t, big), complete(t, "")}, big + big, ""},
		"nothing":              {[][]byte{complete(t, "{}")}, "", ""},
		"a kind to come":       {[][]byte{message(t, map[string]string{":message-type": "event", ":event-type": "New"}, "x"), chunk(t, "a"), complete(t, "{}")}, "a", ""},
		"a function that dies": {[][]byte{chunk(t, "one"), complete(t, `{"ErrorCode":"Unhandled","ErrorDetails":"oh"}`)}, "one", "function"},
		"no end":               {[][]byte{chunk(t, "one")}, "one", "cut"},
		"half a message":       {[][]byte{chunk(t, "one"), chunk(t, "two")[:20]}, "one", "other"},
		"an exception":         {[][]byte{chunk(t, "one"), message(t, map[string]string{":message-type": "exception", ":exception-type": "ServiceException"}, "{}")}, "one", "other"},
		"garbage":              {[][]byte{[]byte("<html>this is not an event stream at all</html>")}, "", "other"},
		"a wrong sum":          {[][]byte{wrong}, "", "other"},
		"an end of garbage":    {[][]byte{complete(t, "<")}, "", "other"},
	} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/2021-11-15/functions/f/response-streaming-invocations" || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
				t.Errorf("%s %v", r.URL, r.Header)
			}
			w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
			for _, m := range c.sent {
				w.Write(m)
			}
		})
		stream, err := lambda.New(lambda.Options{MaxResponseBytes: 1000}).Stream(t.Context(), lambda.Target{Name: "f", Region: "us-east-1", Endpoint: url}, []byte("{}"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := io.ReadAll(stream)
		stream.Close()
		var failed *lambda.FunctionError
		kind := "other"
		switch {
		case err == nil:
			kind = ""
		case errors.As(err, &failed):
			kind = "function"
		case errors.Is(err, io.ErrUnexpectedEOF):
			kind = "cut"
		}
		if name == "half a message" && kind == "cut" {
			kind = "other" // It is both.
		}
		if string(text) != c.text || kind != c.fails {
			t.Errorf("%s: %.100q and %v", name, text, err)
		}
	}
}

// What comes is given at once, and what cannot be called is told as Invoke tells it.
func TestStreamsAsTheyCome(t *testing.T) {
	without(t)
	release := make(chan bool)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "gone") {
			w.WriteHeader(404)
			return
		}
		first := []byte("first")
		if r.URL.Path != "/hook" {
			first = chunk(t, "first")
		}
		w.Write(first)
		w.(http.Flusher).Flush()
		<-release
		if r.URL.Path == "/hook" {
			panic(http.ErrAbortHandler)
		}
	})
	client := lambda.New(lambda.Options{})
	for _, target := range []lambda.Target{{URL: url + "/hook"}, {Name: "f", Region: "us-east-1", Endpoint: url}} {
		stream, err := client.Stream(t.Context(), target, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(stream, got); err != nil || string(got) != "first" {
			t.Errorf("%v: %q %v", target, got, err)
		}
		release <- true
		if rest, err := io.ReadAll(stream); err == nil {
			t.Errorf("%v: it ends well, with %q", target, rest)
		}
		stream.Close()
	}
	var refused *lambda.RefusedError
	if _, err := client.Stream(t.Context(), lambda.Target{Name: "gone", Region: "us-east-1", Endpoint: url}, nil); !errors.As(err, &refused) || refused.Status != 404 {
		t.Error(err)
	}
	var failed *lambda.FunctionError
	if _, err := client.Stream(t.Context(), lambda.Target{URL: url + "/gone"}, nil); !errors.As(err, &failed) {
		t.Error(err)
	}
}
