package restapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"gatehouse/management/address"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Options of a Service.
type Options struct {
	Store store.Store
	Log   *slog.Logger
	// Documents reads and writes OpenAPI documents; nil refuses to.
	Documents Documents
	// Checker tries what a change would have the gateway serve; nil lets all pass.
	Checker Checker
	// Caches are those of stages; nil has none to flush.
	Caches Caches
	// Address is where APIs are served; nil means the zero value of it.
	Address func() address.Gateway
	// Tester tries what is not deployed yet; nil refuses to.
	Tester Tester
	// Throttle is what all APIs together are held to; nil, or one that gives nil, for
	// nothing.
	Throttle func() *ThrottleSettings
	// Usage counts what keys use; nil refuses to tell.
	Usage Usage
}

// Checker says whether the gateway can serve an API.
type Checker interface {
	// Check tries the API whose document has the key, with all its stages, or the domain
	// with its mappings, as the reader has them. The error's text is for the caller.
	Check(ctx context.Context, reader store.Reader, key string) error
}

// Caches empties the caches of a stage.
type Caches interface {
	// FlushData forgets the answers that are kept, FlushAuthorizers the decisions.
	FlushData(ctx context.Context, apiID, stage string) error
	FlushAuthorizers(ctx context.Context, apiID, stage string) error
}

// Service answers the operations of apigateway.
type Service struct {
	store     store.Store
	documents Documents
	checker   Checker
	caches    Caches
	tester    Tester
	throttle  func() *ThrottleSettings
	address   func() address.Gateway
	usage     Usage
	now       func() time.Time
	handler   http.Handler
	// linkable are the operations that answers with links tell of.
	linkable []restjson.Operation
}

// NewService returns a Service that nobody has asked anything yet.
func NewService(options Options) *Service {
	s := &Service{
		store: options.Store, documents: options.Documents, checker: options.Checker, caches: options.Caches,
		tester: options.Tester, throttle: options.Throttle, address: options.Address, usage: options.Usage, now: time.Now,
	}
	if s.throttle == nil {
		s.throttle = func() *ThrottleSettings { return nil }
	}
	if s.address == nil {
		s.address = func() address.Gateway { return address.Gateway{} }
	}
	operations := s.Operations()
	s.handler, s.linkable = restjson.NewService(options.Log, operations...).Keeping(NoEffect), linkable(operations)
	return s
}

// Operations are all operations of the service.
func (s *Service) Operations() []restjson.Operation {
	operations := slices.Concat(s.apiOperations(), s.accountOperations())
	if s.documents != nil {
		operations = append(operations, s.documentOperations()...)
	}
	for i, o := range operations {
		operations[i] = withoutSlashes(o)
	}
	return operations
}

// ServeHTTP answers a call, whose caller is in the request's context.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if wantsHAL(r) {
		s.serveHAL(w, r)
		return
	}
	s.handler.ServeHTTP(w, r)
}
