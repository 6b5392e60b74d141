package management

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
)

// requestTimeout bounds one call, its body included.
const requestTimeout = 30 * time.Second

// Options configure a Server.
type Options struct {
	// REST and HTTP serve the operations of apigateway and apigatewayv2.
	REST, HTTP http.Handler
	// Open lets everyone in, unsigned requests too. It is for addresses that only this
	// machine reaches.
	Open bool
	// Loopback tells that this is such an address: names that lead to it, which a web
	// page can have, are refused.
	Loopback bool
	// Credentials are the access keys that requests may be signed with, as they are now.
	// They are not asked for when Open.
	Credentials func() []gateway.Credential
	// Filed are the APIs that only files may change.
	Filed Filed
	// AccountID is whose APIs they are; gateway.DefaultAccountID unless set.
	AccountID string
	Log       *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
}

// Server is the http.Handler of both services.
type Server struct {
	options Options
	keys    *keyring
	calls   *prometheus.CounterVec
	seconds prometheus.Histogram
}

// New makes a Server.
func New(o Options) *Server {
	o.AccountID = cmp.Or(o.AccountID, gateway.DefaultAccountID)
	f := promauto.With(o.Registerer)
	return &Server{
		options: o, keys: newKeyring(o.Credentials),
		calls: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_management_calls_total", Help: "Calls of the management API, by operation and status; those of no operation have none.",
		}, []string{"operation", "status"}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_management_call_seconds", Help: "How long calls of the management API took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
	}
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	// A body that never ends would be read for ever. Where there is no connection to put a
	// deadline on, the server of a test has its own.
	_ = http.NewResponseController(w).SetReadDeadline(begin.Add(requestTimeout))
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	w.Header().Set("X-Amzn-Requestid", requestID())
	answer := &recorder{ResponseWriter: w}
	caller, err := s.admit(answer, r)
	if err == nil {
		err = s.options.Filed.refuse(r, caller.Region)
	}
	if err != nil {
		s.refuse(answer, err)
	} else {
		s.service(r).ServeHTTP(answer, r.WithContext(restjson.WithCaller(ctx, caller)))
	}
	s.book(r, caller, answer, time.Since(begin))
}

// service is the one that a path belongs to.
func (s *Server) service(r *http.Request) http.Handler {
	if strings.HasPrefix(r.URL.Path, "/v2/") {
		return s.options.HTTP
	}
	return s.options.REST
}

// admit finds out who calls, and whether they may.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (restjson.Caller, error) {
	caller := restjson.Caller{Region: gateway.DefaultRegion, AccountID: s.options.AccountID}
	if s.options.Open {
		if err := s.checkOrigin(r); err != nil {
			return caller, err
		}
		// Nobody has to sign, but who does names a region.
		caller.Region = cmp.Or(claimedRegion(r), caller.Region)
		return caller, nil
	}
	signed, err := s.keys.verify(w, r)
	if err != nil {
		return caller, err
	}
	caller.Region, caller.ARN = signed.region, signed.caller.ARN
	return caller, signed.authorize(r, s.options.AccountID)
}

func (s *Server) refuse(w http.ResponseWriter, err error) {
	var told *restjson.Error
	if !errors.As(err, &told) {
		s.options.Log.Error("a caller of the management API could not be authenticated", "error", err)
		told = &restjson.Error{Type: "InternalFailure", Status: http.StatusInternalServerError, Message: "Internal server error"}
	}
	restjson.WriteError(w, told)
}

// book notes what was called. Changes are for the log, too.
func (s *Server) book(r *http.Request, caller restjson.Caller, answer *recorder, took time.Duration) {
	status := cmp.Or(answer.status, http.StatusOK)
	operation := answer.Header().Get("X-Amzn-Operation")
	s.calls.WithLabelValues(operation, fmt.Sprint(status)).Inc()
	s.seconds.Observe(took.Seconds())
	level := slog.LevelDebug
	if r.Method != http.MethodGet && status < http.StatusBadRequest {
		level = slog.LevelInfo
	}
	s.options.Log.Log(r.Context(), level, "management call", "operation", operation, "path", r.URL.EscapedPath(), "region", caller.Region,
		"caller", caller.ARN, "status", status, "request", answer.Header().Get("X-Amzn-Requestid"), "took", took.Round(time.Microsecond))
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = cmp.Or(r.status, status)
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// requestID is a random UUID.
func requestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it does not fail
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// readBody takes the body in, and leaves it to be read again.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, restjson.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &restjson.Error{
			Type: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("Request body exceeds %d bytes", restjson.MaxBody),
		}
	case err != nil:
		return nil, restjson.BadRequest("The request body could not be read")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}
