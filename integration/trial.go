package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// What requests of trials have for what nobody has sent: functions may know it from Amazon.
const (
	// TrialStage is the name of the stage that is tried.
	TrialStage      = "test-invoke-stage"
	trialHost       = "testPrefix.testDomainName"
	trialAddress    = "test-invoke-source-ip"
	trialKey        = "test-invoke-api-key"
	trialKeyID      = "test-invoke-api-key-id"
	trialTimeout    = 29 * time.Second
	maxTrialsAtOnce = 16
)

// Trials try methods of REST APIs that need not be deployed: requests go through the very
// integrations that would serve them. It is safe for concurrent use.
type Trials struct {
	server *Server
	turns  chan struct{}

	mu       sync.Mutex
	underWay int
}

// NewTrials makes Trials that have connections of their own.
func NewTrials(o Options) *Trials {
	return &Trials{server: New(o), turns: make(chan struct{}, maxTrialsAtOnce)}
}

// Trial is a request by which somebody tries a method.
type Trial struct {
	// Snapshot has the API, with a stage that has the method.
	Snapshot *gateway.Snapshot
	// API, Stage and Route name the method as the snapshot does.
	API, Stage, Route string
	// Method and Target are the request's: the target is its path and its query.
	Method, Target string
	Header         http.Header
	Body           []byte
	// Check, if it is set, says whether the request is good before the integration gets it:
	// the answer to one that is not.
	Check func(ctx context.Context, id string) *TrialAnswer
}

// TrialAnswer is what is answered to a trial.
type TrialAnswer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Latency time.Duration
	// Log is the account of it, in the lines of Amazon's execution logs.
	Log string
	// Reason is why a check has refused it.
	Reason string
}

// ErrBusy says that too many methods are tried at the same time.
var ErrBusy = errors.New("too many methods are tried at the same time: try again")

// Try sends a request. Diagnostics with errors mean that there is nothing that could be
// tried.
func (t *Trials) Try(ctx context.Context, trial Trial) (*TrialAnswer, gateway.Diagnostics, error) {
	c := newCompiled(trial.Snapshot)
	c.everything = true
	found := c.compile(trial.Snapshot)
	var r *route
	if st := c.stages[stageKey{api: trial.API, stage: trial.Stage}]; st != nil {
		r = st.routes[trial.Route]
	}
	if r == nil {
		if !found.HasErrors() {
			found.Errorf("unknown-route", gateway.Position{}, "", "", "there is no integration behind %s", trial.Route)
		}
		return nil, found, found.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(r.Integration))
	defer cancel()
	select {
	case t.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, found, ErrBusy
	}
	t.begin()
	defer t.end()
	return t.serve(ctx, trial, c, r), nil, nil
}

func timeoutOf(in *gateway.Integration) time.Duration {
	if in.TimeoutMillis > 0 {
		return min(time.Duration(in.TimeoutMillis)*time.Millisecond, trialTimeout)
	}
	return trialTimeout
}

func (t *Trials) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underWay++
}

// end closes the connections to backends when nobody tries anything: they are none that
// anybody would use again.
func (t *Trials) end() {
	<-t.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.underWay--; t.underWay == 0 {
		t.server.upstreams.Keep(nil)
	}
}

func (t *Trials) serve(ctx context.Context, trial Trial, c *Compiled, r *route) *TrialAnswer {
	begin := t.server.now()
	id := TrialID()
	request := &http.Request{
		Method: trial.Method, RequestURI: trial.Target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: trialHost,
		Header: http.Header{}, Body: http.NoBody, ContentLength: int64(len(trial.Body)),
	}
	for name, values := range trial.Header {
		if !hasInternalPrefix(name) {
			request.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	request.Header.Set("X-Request-Id", id)
	if r.APIKeyRequired {
		// Nobody has to have a key; backends are shown one all the same.
		if request.Header["X-Api-Key"] == nil {
			request.Header.Set("X-Api-Key", trialKey)
		}
		request.Header.Set(wire.KeyHeader, ":"+trialKeyID)
	}
	if len(trial.Body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(trial.Body))
	}
	request = request.WithContext(ctx)
	recorder := &trialRecorder{header: http.Header{}}
	x := &exchange{
		server: t.server, compiled: c, route: r, request: request, w: recorder, memory: share{of: t.server.memory},
		began: begin.UnixMilli(), protocol: "HTTP/1.1", address: trialAddress, execution: executionlog.New(id, t.server.now),
	}
	defer x.memory.end()
	x.path, x.query, _ = strings.Cut(trial.Target, "?")
	x.tellRequest(trial)
	mark, reason := "", ""
	if refused := x.missingParameters(); refused != nil {
		x.execution.Line("Request failed: %s", refused.Reason)
		recorder.take(refused)
		mark, reason = string(gateway.BadRequestParameters), refused.Reason
	} else if refused := trial.check(ctx, id); refused != nil {
		x.execution.Line("Request body does not match model schema: %s", refused.Reason)
		recorder.take(refused)
		mark, reason = string(gateway.BadRequestBody), refused.Reason
	} else {
		t.handle(x)
		mark = recorder.header.Get(wire.ReplyHeader)
	}
	for _, name := range []string{"Content-Length", http.CanonicalHeaderKey(wire.ReplyHeader)} {
		delete(recorder.header, name)
	}
	e := x.execution
	if !x.customise(recorder, mark, reason) {
		e.Response(recorder.header, recorder.body.Bytes())
	}
	answer := &TrialAnswer{Status: recorder.status, Header: recorder.header, Body: recorder.body.Bytes(), Latency: t.server.now().Sub(begin)}
	if x.failed == "" && mark == "" {
		e.Line("Successfully completed execution")
	}
	e.Line("Method completed with status: %d", answer.Status)
	answer.Log = e.String()
	return answer
}

// handle has the integration serve the request, whose streams may be cut off.
func (t *Trials) handle(x *exchange) {
	defer func() {
		if mistake := recover(); mistake != nil && mistake != http.ErrAbortHandler {
			panic(mistake)
		}
	}()
	x.route.handler.serve(x)
}

func (t Trial) check(ctx context.Context, id string) *TrialAnswer {
	if t.Check == nil {
		return nil
	}
	return t.Check(ctx, id)
}

// tellRequest tells what the method is asked.
func (x *exchange) tellRequest(trial Trial) {
	e := x.execution
	e.Line("Starting execution for request: %s", x.id())
	e.Line("HTTP Method: %s, Resource Path: %s", trial.Method, x.path)
	path, query := x.toldParameters()
	e.Method(path, query, trial.Header)
	e.Line("Method request body before transformations: %s", executionlog.Body(trial.Body))
}

// missingParameters is the answer to a request without parameters that its method asks
// for; nil where all are there. Envoy sees to that on the way to a stage.
func (x *exchange) missingParameters() *TrialAnswer {
	var missing []string
	for _, p := range x.route.stage.deployment.RequiredParameters(x.route.Route) {
		there := false
		if p.In == "header" {
			there = strings.TrimSpace(strings.Join(x.request.Header.Values(p.Name), "")) != ""
		} else {
			for _, f := range lambdaevent.Query(x.query, true) {
				there = there || f.Name == p.Name && f.Value != ""
			}
		}
		if !there {
			missing = append(missing, p.Name)
		}
	}
	if missing == nil {
		return nil
	}
	d := gateway.ResponseDefaults[gateway.BadRequestParameters]
	reason := fmt.Sprintf("%s: [%s]", d.Message, strings.Join(missing, ", "))
	return &TrialAnswer{
		Status: d.Status, Reason: reason, Body: jsonMessage(gateway.BadRequestParameters.MessageKey(), reason),
		Header: http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {d.ErrorType}},
	}
}

// trialRecorder keeps an answer.
type trialRecorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *trialRecorder) Header() http.Header { return r.header }

func (r *trialRecorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *trialRecorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.body.Len()+len(b) > maxBodyBytes {
		return 0, fmt.Errorf("the answer has more than %s bytes", strconv.Itoa(maxBodyBytes))
	}
	return r.body.Write(b)
}

// Flush is for streams, whose reader waits for all of them.
func (r *trialRecorder) Flush() {}

func (r *trialRecorder) take(a *TrialAnswer) {
	r.status, r.header = a.Status, a.Header
	r.body.Write(a.Body)
}

// TrialID makes up the id of a request: a random UUID.
func TrialID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it does not fail
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
