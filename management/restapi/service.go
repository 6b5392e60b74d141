package restapi

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Options of a Service.
type Options struct {
	Store store.Store
	Log   *slog.Logger
	// Documents reads and writes OpenAPI documents; nil refuses to.
	Documents Documents
	// Suffix ends the host names of APIs, {id}.execute-api.{suffix}; empty means localhost.
	Suffix string
	// Usage counts what keys use; nil refuses to tell.
	Usage Usage
}

// Service answers the operations of apigateway.
type Service struct {
	store     store.Store
	documents Documents
	suffix    string
	usage     Usage
	now       func() time.Time
	handler   http.Handler
}

// NewService returns a Service that nobody has asked anything yet.
func NewService(options Options) *Service {
	s := &Service{store: options.Store, documents: options.Documents, suffix: options.Suffix, usage: options.Usage, now: time.Now}
	s.handler = restjson.NewService(options.Log, s.operations()...)
	return s
}

// operations are all operations of the service.
func (s *Service) operations() []restjson.Operation {
	operations := slices.Concat(s.apiOperations(), s.accountOperations())
	if s.documents != nil {
		operations = append(operations, s.documentOperations()...)
	}
	return operations
}

// ServeHTTP answers a call, whose caller is in the request's context.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
