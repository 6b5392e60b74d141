package restapi

import (
	"log/slog"
	"net/http"
	"slices"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Options of a Service.
type Options struct {
	Store store.Store
	Log   *slog.Logger
}

// Service answers the operations of apigateway.
type Service struct {
	store   store.Store
	handler http.Handler
}

// NewService returns a Service that nobody has asked anything yet.
func NewService(options Options) *Service {
	s := &Service{store: options.Store}
	s.handler = restjson.NewService(options.Log, s.operations()...)
	return s
}

// operations are all operations of the service.
func (s *Service) operations() []restjson.Operation {
	return slices.Concat(s.apiOperations(), s.accountOperations())
}

// ServeHTTP answers a call, whose caller is in the request's context.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
