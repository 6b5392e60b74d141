package history

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Request is one request, or one event of a connection of a WebSocket API, as it is told when
// it has ended. Texts that a client, a backend
// or a function has a say in are bounded, and have nothing in them that could do anything
// to a terminal; they are not escaped for any other use. Secrets are never in it: keys are
// told by name, and neither queries nor bodies nor headers of authorization are kept.
type Request struct {
	// ID is what Envoy calls the request, in the header X-Request-Id too.
	ID string `json:"id"`
	// At is when its first byte came.
	At time.Time `json:"at"`

	// API is empty for requests to hosts that are no API's. RouteMethod and Resource are
	// those of the route, empty where there is none.
	API         string `json:"api,omitempty"`
	Stage       string `json:"stage,omitempty"`
	Canary      bool   `json:"canary,omitempty"`
	RouteMethod string `json:"routeMethod,omitempty"`
	Resource    string `json:"resource,omitempty"`
	// Protocol is that of the API: REST, HTTP or WEBSOCKET; empty where the stage is not
	// known. Only requests to known stages are counted; of WebSocket APIs only events are, not
	// the request that a connection is to Envoy, which ends with it.
	Protocol string `json:"protocol,omitempty"`

	// Event is CONNECT, MESSAGE or DISCONNECT for an event of a WebSocket API, and Fault whose
	// it was that it failed (see package socket). ConnectionID is that of the connection.
	Event        string `json:"event,omitempty"`
	Fault        string `json:"fault,omitempty"`
	ConnectionID string `json:"connectionId,omitempty"`
	// Ended is how the connection of a DISCONNECT has ended: the code of that, and the reason that
	// its client, or the gateway, gave.
	Ended string `json:"ended,omitempty"`
	// IntegrationStatus is what the integration of an event answered, 0 for nothing.
	IntegrationStatus int `json:"integrationStatus,omitempty"`

	// Method, Host and Path are what the client asked for, without the query.
	Method      string `json:"method"`
	Host        string `json:"host"`
	Path        string `json:"path"`
	HTTPVersion string `json:"httpVersion,omitempty"`
	// Caller is the client's address.
	Caller    string `json:"caller,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
	// KeyName is the name of the API key that was let in, or was known at least.
	KeyName string `json:"keyName,omitempty"`

	// Status is 0 where no answer began.
	Status  int           `json:"status"`
	Latency time.Duration `json:"latencyNanos"`
	// Integrated says that an integration answered, and IntegrationLatency after what time.
	Integrated         bool          `json:"integrated,omitempty"`
	IntegrationLatency time.Duration `json:"integrationLatencyNanos,omitempty"`
	// Received and Sent are bytes from and to the client, headers included.
	Received uint64 `json:"received"`
	Sent     uint64 `json:"sent"`

	// Throttled says that the gateway refused it for a rate or a quota.
	Throttled bool `json:"throttled,omitempty"`
	// Cache is CacheHit or CacheMiss for routes whose answers are kept.
	Cache string `json:"cache,omitempty"`
	// ResponseType is the gateway response that the gateway answered with, empty where the
	// integration did; ErrorMessage what it said.
	ResponseType string `json:"responseType,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	// Details and Flags are Envoy's words for what happened.
	Details string `json:"details,omitempty"`
	Flags   string `json:"flags,omitempty"`
	// Authorizer, Signature and Permission are what became of the checks of callers.
	Authorizer Check `json:"authorizer,omitzero"`
	Signature  Check `json:"signature,omitzero"`
	Permission Check `json:"permission,omitzero"`

	// Upstream is the cluster that Envoy sent it to, UpstreamAddress the host of it, and
	// UpstreamFailure why there was no connection, or why an event's integration did not answer.
	Upstream        string `json:"upstream,omitempty"`
	UpstreamAddress string `json:"upstreamAddress,omitempty"`
	UpstreamFailure string `json:"upstreamFailure,omitempty"`
	// Node is the Envoy that told about it, and Revision that of the definitions by which
	// it was understood.
	Node     string `json:"node,omitempty"`
	Revision string `json:"revision,omitempty"`

	// Execution is the account of it in a stage that keeps some: lines of their own, of which
	// there are as many as there is room for.
	Execution []string `json:"execution,omitempty"`
}

// Values of Request.Cache.
const (
	CacheHit  = "hit"
	CacheMiss = "miss"
)

// Check is what became of one check of the caller: the status that it ended with, and why
// it failed. Both are empty where it was not made.
type Check struct {
	Status  string `json:"status,omitempty"`
	Failure string `json:"failure,omitempty"`
}

// counts is what a request is counted as; false where it is not.
func (r *Request) counts() (Of, bool) {
	if r.API == "" || r.Stage == "" || r.Protocol == "" || r.Protocol == "WEBSOCKET" && r.Event == "" {
		return Of{}, false
	}
	return r.of(), true
}

// of names its route.
func (r *Request) of() Of {
	of := Of{r.API, r.Stage, r.RouteMethod, r.Resource}
	if of.Method == "" && of.Resource == "" {
		of.Method, of.Resource = None, None
	}
	return of
}

// Bounds of texts.
const (
	maxPath = 2 << 10
	maxText = 256
)

// maxExecution bounds the account of a request, maxExecutionLine a line of it.
const (
	maxExecution     = 24 << 10
	maxExecutionLine = 4 << 10
)

const numTexts = 33

// texts are all of them, those with bounds of their own first.
func (r *Request) texts() [numTexts]*string {
	return [...]*string{
		&r.Path, &r.ErrorMessage, &r.UpstreamFailure,
		&r.ID, &r.API, &r.Stage, &r.RouteMethod, &r.Resource, &r.Protocol, &r.Method, &r.Host, &r.HTTPVersion, &r.Caller, &r.UserAgent, &r.KeyName,
		&r.Event, &r.Fault, &r.ConnectionID, &r.Ended, &r.Cache, &r.ResponseType, &r.Details, &r.Flags, &r.Upstream, &r.UpstreamAddress, &r.Node, &r.Revision,
		&r.Authorizer.Status, &r.Authorizer.Failure, &r.Signature.Status, &r.Signature.Failure, &r.Permission.Status, &r.Permission.Failure,
	}
}

var textBounds = func() (bounds [numTexts]int) {
	for i := range bounds {
		bounds[i] = maxText
	}
	bounds[0], bounds[1], bounds[2] = maxPath, 1<<10, 1<<10
	return bounds
}()

// bound makes its texts harmless.
func (r *Request) bound() {
	for i, text := range r.texts() {
		if len(*text) > textBounds[i] || !printable(*text) {
			*text = harmless(*text, textBounds[i])
		}
	}
	room := maxExecution
	for i, line := range r.Execution {
		if len(line) > maxExecutionLine || !printable(line) {
			line = harmless(line, maxExecutionLine)
		}
		if room -= len(line); room < 0 {
			r.Execution = append(r.Execution[:i], "[TRUNCATED]")
			return
		}
		r.Execution[i] = line
	}
}

// Flags of a request that is kept.
const (
	isCanary = 1 << iota
	isIntegrated
	isThrottled
)

// appendTo writes the request.
func (r *Request) appendTo(b []byte) []byte {
	is := uint64(0)
	if r.Canary {
		is |= isCanary
	}
	if r.Integrated {
		is |= isIntegrated
	}
	if r.Throttled {
		is |= isThrottled
	}
	for _, n := range [...]uint64{
		is, uint64(r.At.UnixNano()), uint64(r.Status), uint64(r.Latency), uint64(r.IntegrationLatency), uint64(r.IntegrationStatus), r.Received, r.Sent,
	} {
		b = binary.AppendUvarint(b, n)
	}
	for _, text := range r.texts() {
		b = appendText(b, *text)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Execution)))
	for _, line := range r.Execution {
		b = appendText(b, line)
	}
	return b
}

// readRequest reads what appendTo wrote, of which it keeps nothing.
func readRequest(data []byte) (r Request) {
	in := reader{data}
	is := in.uvarint()
	r.Canary, r.Integrated, r.Throttled = is&isCanary != 0, is&isIntegrated != 0, is&isThrottled != 0
	r.At = time.Unix(0, int64(in.uvarint())).UTC()
	r.Status, r.Latency, r.IntegrationLatency = int(in.uvarint()), time.Duration(in.uvarint()), time.Duration(in.uvarint())
	r.IntegrationStatus = int(in.uvarint())
	r.Received, r.Sent = in.uvarint(), in.uvarint()
	for _, text := range r.texts() {
		*text = in.text()
	}
	for range in.uvarint() {
		r.Execution = append(r.Execution, in.text())
	}
	return r
}

// harmless is text of bounded length, in which all that does not print is told by its
// number.
func harmless(text string, bound int) string {
	var b strings.Builder
	for i, c := range text {
		if b.Len() > bound {
			b.WriteString("…")
			break
		}
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case c == ' ' || unicode.IsPrint(c):
			b.WriteRune(c)
		case c > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

func printable(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
