package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gatehouse/gateway"
)

// An exchange is one message of a client, and its answer.
type exchange struct {
	server   *Server
	stream   extprocv3.ExternalProcessor_ProcessServer
	base     string
	endpoint *endpoint
	// origin is that of the page that asks, "" for none or one that may not.
	origin string
	held   int64
}

// received is what an Envoy says, or why it says no more.
type received struct {
	request *extprocv3.ProcessingRequest
	err     error
}

// listen receives in the background: who waits for a client must be able to stop.
func (x *exchange) listen() <-chan received {
	out := make(chan received)
	go func() {
		for {
			request, err := x.stream.Recv()
			select {
			case out <- received{request, err}:
			case <-x.stream.Context().Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}

// headers of a message.
type headers map[string]string

func headersOf(h *extprocv3.HttpHeaders) headers {
	out := headers{}
	for _, each := range h.GetHeaders().GetHeaders() {
		value := string(each.RawValue)
		if value == "" {
			value = each.Value
		}
		name := strings.ToLower(each.Key)
		if before, several := out[name]; several {
			value = before + ", " + value
		}
		out[name] = value
	}
	return out
}

func (h headers) get(name string) string { return h[name] }

// run works the message off, and says what became of it.
func (x *exchange) run() (string, error) {
	in := x.listen()
	late := time.NewTimer(x.server.patience)
	defer late.Stop()
	var asked headers
	var body []byte
	for complete := false; !complete; {
		var next received
		select {
		case next = <-in:
		case <-late.C:
			return x.reply(failure(408, nil, codeInvalidRequest, "the message has not come in time"))
		}
		if next.err != nil {
			return "", ended(next.err)
		}
		switch r := next.request.Request.(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			asked = headersOf(r.RequestHeaders)
			if refusal := x.refuse(asked, r.RequestHeaders.EndOfStream); refusal != nil {
				return x.reply(refusal)
			}
		case *extprocv3.ProcessingRequest_RequestBody:
			chunk := r.RequestBody.Body
			if len(body)+len(chunk) > maxBody {
				return x.reply(failure(413, nil, codeInvalidRequest, fmt.Sprintf("a message may have %d bytes", maxBody)))
			}
			if !x.hold(len(chunk)) {
				return x.reply(failure(503, nil, codeInternal, "there is too much to do; try again"))
			}
			body = append(body, chunk...)
			complete = r.RequestBody.EndOfStream
		case *extprocv3.ProcessingRequest_RequestTrailers:
			complete = true
		default:
			// Envoy has refused the message, and shows us its answer.
			return "", x.pass(in, next.request)
		}
	}
	if asked == nil {
		return "", status.Error(codes.InvalidArgument, "a body without headers")
	}
	_, query, _ := strings.Cut(asked[":path"], "?")
	a := x.endpoint.answer(body, x.base, query, asked)
	if a.forward == nil {
		return x.reply(a)
	}
	if err := x.forward(asked, a.forward); err != nil {
		return "", err
	}
	if err := x.respond(in, a); err != nil {
		return "", err
	}
	return a.outcome, nil
}

// ended is nil for a stream that Envoy has ended, as it does when the client is gone.
func ended(err error) error {
	if errors.Is(err, io.EOF) || status.Code(err) == codes.Canceled {
		return nil
	}
	return err
}

// pass leaves an answer that is not ours as it is.
func (x *exchange) pass(in <-chan received, next *extprocv3.ProcessingRequest) error {
	for {
		var same *extprocv3.ProcessingResponse
		ends := false
		switch r := next.Request.(type) {
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			same = &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}}
			ends = r.ResponseHeaders.EndOfStream
		case *extprocv3.ProcessingRequest_ResponseBody:
			ends = r.ResponseBody.EndOfStream
			same = ofResponse(&extprocv3.BodyResponse{Response: &extprocv3.CommonResponse{BodyMutation: &extprocv3.BodyMutation{
				Mutation: &extprocv3.BodyMutation_StreamedResponse{StreamedResponse: &extprocv3.StreamedBodyResponse{Body: r.ResponseBody.Body, EndOfStream: ends}},
			}}})
		case *extprocv3.ProcessingRequest_ResponseTrailers:
			ends = true
			same = &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{}}}
		default:
			return status.Error(codes.InvalidArgument, "a message out of order")
		}
		if err := x.stream.Send(same); err != nil || ends {
			return err
		}
		more := <-in
		if more.err != nil {
			return ended(more.err)
		}
		next = more.request
	}
}

func ofResponse(b *extprocv3.BodyResponse) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: b}}
}

// hold counts bytes that are kept; false when all exchanges together keep too much.
func (x *exchange) hold(n int) bool {
	x.held += int64(n)
	return x.server.held.Add(int64(n)) <= maxHeld
}

// refuse looks at what the transport asks for, before a message is read.
func (x *exchange) refuse(asked headers, empty bool) *answer {
	path, _, _ := strings.Cut(asked[":path"], "?")
	media, _, err := mime.ParseMediaType(asked["content-type"])
	switch {
	case x.endpoint == nil:
		return failure(404, nil, codeInvalidRequest, "there is no MCP endpoint here any more")
	case strings.HasSuffix(path, gateway.MCPMetadataSuffix):
		x.letRead(asked["origin"])
		return x.endpoint.tellIssuers(asked, path)
	case asked["origin"] != "" && !x.letRead(asked["origin"]):
		// A page that a browser shows could call with what the browser knows of its user,
		// by a name that was made to lead here.
		return failure(403, nil, codeInvalidRequest, "web pages of this origin may not use this endpoint")
	case asked[":method"] != "POST":
		return notAllowed("POST", "messages are sent by POST")
	case empty:
		return failure(400, nil, codeInvalidRequest, "there is no message")
	case err != nil || media != "application/json":
		return failure(415, nil, codeInvalidRequest, "messages are application/json")
	case asked["content-encoding"] != "" && asked["content-encoding"] != "identity":
		return failure(415, nil, codeInvalidRequest, "messages are not compressed")
	}
	return nil
}

// letRead notes that the answer is for a page, if pages of its origin may use the endpoint.
// Envoy tells them so as well, but not in answers that stand in for the API's.
func (x *exchange) letRead(origin string) bool {
	if !x.endpoint.cors.Allows(origin) {
		return false
	}
	x.origin = origin
	return true
}

// forPage are the headers without which a page cannot read an answer.
func (x *exchange) forPage() []*corev3.HeaderValueOption {
	if x.origin == "" {
		return nil
	}
	cors := x.endpoint.cors
	set := []*corev3.HeaderValueOption{
		header("access-control-allow-origin", x.origin), header("access-control-expose-headers", strings.Join(cors.ExposeHeaders, ",")),
	}
	if cors.AllowCredentials {
		set = append(set, header("access-control-allow-credentials", "true"))
	}
	return set
}

// replyDetails is how the replies are called in access logs. The prefix tells Envoy that
// they are not to be reworded.
const replyDetails = "gw:mcp"

// reply answers in the place of the API.
func (x *exchange) reply(a *answer) (string, error) {
	set := []*corev3.HeaderValueOption{header("cache-control", "no-store")}
	if len(a.body) > 0 {
		set = append(set, header("content-type", "application/json"))
	}
	if a.allow != "" {
		set = append(set, header("allow", a.allow))
	}
	set = append(set, x.forPage()...)
	if a.preflight {
		set = append(set, header("access-control-allow-methods", "GET"), header("access-control-allow-headers", strings.Join(x.endpoint.cors.AllowHeaders, ",")))
	}
	err := x.stream.Send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
		ImmediateResponse: &extprocv3.ImmediateResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.status)}, Headers: &extprocv3.HeaderMutation{SetHeaders: set},
			Body: a.body, Details: replyDetails,
		},
	}})
	return a.outcome, err
}

func header(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, RawValue: []byte(value)},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// ofMessage are headers that are about the message, not about the request that it becomes.
var ofMessage = regexp.MustCompile(`^(?:accept|accept-encoding|content-.*|expect|last-event-id|mcp-.*|origin|transfer-encoding|te|trailer)$`)

// forward has Envoy send the request of a call. All that proves who calls stays.
func (x *exchange) forward(asked headers, c *call) error {
	mutation := &extprocv3.HeaderMutation{}
	for name := range asked {
		if ofMessage.MatchString(name) {
			mutation.RemoveHeaders = append(mutation.RemoveHeaders, name)
		}
	}
	mutation.SetHeaders = []*corev3.HeaderValueOption{
		header(":method", c.method), header(":path", c.path),
		header("accept", "application/json, text/*;q=0.9, */*;q=0.5"),
	}
	if c.contentType != "" {
		mutation.SetHeaders = append(mutation.SetHeaders, header("content-type", c.contentType))
	}
	// Without it, a GET would be sent with chunks, which not every backend takes.
	mutation.SetHeaders = append(mutation.SetHeaders, header("content-length", strconv.Itoa(len(c.body))))
	for _, each := range c.headers {
		mutation.SetHeaders = append(mutation.SetHeaders, header(each[0], each[1]))
	}
	if err := x.stream.Send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestHeaders{
		RequestHeaders: &extprocv3.HeadersResponse{Response: &extprocv3.CommonResponse{HeaderMutation: mutation}},
	}}); err != nil {
		return err
	}
	return x.send(c.body, func(b *extprocv3.BodyResponse) *extprocv3.ProcessingResponse {
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestBody{RequestBody: b}}
	})
}

// chunkBytes is what Envoy wants bodies cut into.
const chunkBytes = 64 << 10

// send streams a body to Envoy.
func (x *exchange) send(body []byte, as func(*extprocv3.BodyResponse) *extprocv3.ProcessingResponse) error {
	for first := true; first || len(body) > 0; first = false {
		n := min(len(body), chunkBytes)
		err := x.stream.Send(as(&extprocv3.BodyResponse{Response: &extprocv3.CommonResponse{BodyMutation: &extprocv3.BodyMutation{
			Mutation: &extprocv3.BodyMutation_StreamedResponse{StreamedResponse: &extprocv3.StreamedBodyResponse{Body: body[:n], EndOfStream: n == len(body)}},
		}}}))
		if err != nil {
			return err
		}
		body = body[n:]
	}
	return nil
}

// called is the answer to a call that has a result.
func (x *exchange) called(a *answer, value json.RawMessage) *answer {
	if a.enveloped {
		value = x.endpoint.complete(value)
	}
	return &answer{status: 200, body: result(a.id, value)}
}

// respond makes the API's response the answer to the message.
func (x *exchange) respond(in <-chan received, a *answer) error {
	var said headers
	var body []byte
	code := 0
	for complete := false; !complete; {
		next := <-in
		if next.err != nil {
			return ended(next.err)
		}
		switch r := next.request.Request.(type) {
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			said = headersOf(r.ResponseHeaders)
			code, _ = strconv.Atoi(said[":status"])
			complete = r.ResponseHeaders.EndOfStream
			if complete {
				// There is no body that another could stand in for.
				_, err := x.reply(x.called(a, resultOf(code, said.get, nil)))
				return err
			}
		case *extprocv3.ProcessingRequest_ResponseBody:
			chunk := r.ResponseBody.Body
			if len(body)+len(chunk) > maxBody || !x.hold(len(chunk)) {
				_, err := x.reply(x.called(a, tooLarge(code)))
				return err
			}
			body = append(body, chunk...)
			complete = r.ResponseBody.EndOfStream
		case *extprocv3.ProcessingRequest_ResponseTrailers:
			_, err := x.reply(x.called(a, resultOf(code, said.get, body)))
			return err
		}
	}
	if said == nil {
		return status.Error(codes.InvalidArgument, "a response without headers")
	}
	_, err := x.reply(x.called(a, resultOf(code, said.get, body)))
	return err
}
