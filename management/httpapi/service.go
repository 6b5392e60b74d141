package httpapi

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
	// Address is where APIs are served; nil means the zero value of it.
	Address func() address.Gateway
	// Portals is where portals are served; nil means nowhere.
	Portals func() PortalSite
	// Checker tries what a change would have the gateway serve; nil lets all pass.
	Checker Checker
	// Caches empties caches of the gateway; nil says that there are none.
	Caches Caches
}

// Checker says whether the gateway can serve an API, a domain, or a portal.
type Checker interface {
	// Check looks at the API, the domain name or the portal whose document has the key, with
	// all that belongs to it, as the reader has it. What is wrong with it is told by an error
	// whose text is for the caller of the management API.
	Check(ctx context.Context, reader store.Reader, key string) error
}

// Caches are those of the gateway that callers may have emptied.
type Caches interface {
	// FlushAuthorizers has the answers of a stage's authorizers forgotten.
	FlushAuthorizers(ctx context.Context, apiID, stage string) error
}

// Service answers the operations of apigatewayv2.
type Service struct {
	Options
	handler http.Handler
	now     func() time.Time
}

// NewService returns a Service that nobody has asked anything yet.
func NewService(options Options) *Service {
	s := &Service{Options: options, now: time.Now}
	s.handler = restjson.NewService(options.Log, s.Operations()...).Keeping(NoEffect)
	return s
}

// Operations are all operations of the service.
func (s *Service) Operations() []restjson.Operation {
	operations := slices.Concat(
		s.apiOperations(), s.routeOperations(), s.routeResponseOperations(),
		s.integrationOperations(), s.integrationResponseOperations(),
		s.authorizerOperations(), s.modelOperations(), s.stageOperations(),
		s.deploymentOperations(), s.vpcLinkOperations(), s.tagOperations(),
		s.domainOperations(), s.mappingOperations(), s.routingRuleOperations(),
		s.portalOperations(), s.portalProductOperations(), s.productPageOperations(), s.endpointPageOperations(),
	)
	if s.Documents == nil {
		return operations
	}
	documents := DocumentOperations{
		Store: s.Store, Documents: s.Documents, Address: s.address,
		Changed: func(ctx context.Context, tx store.Tx, region, apiID string) error {
			return s.changed(ctx, tx, APIKeyOf(region, apiID))
		},
	}
	return append(operations, documents.Operations()...)
}

// ServeHTTP answers a call, whose caller is in the request's context.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// address is where APIs are served now.
func (o *Options) address() address.Gateway {
	if o.Address == nil {
		return address.Gateway{}
	}
	return o.Address()
}

// timestamp is the present as documents have it.
func (s *Service) timestamp() time.Time { return s.now().UTC().Truncate(time.Second) }
