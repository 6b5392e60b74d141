package extauthz

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"gatehouse/internal/encoded"
)

// A response is what a check is answered with. Those that are given again and again have been
// encoded once; they are never changed after that.
type response struct {
	*authv3.CheckResponse
	encoding []byte
}

var _ encoded.Message = (*response)(nil)

// Encoded implements encoded.Message.
func (r *response) Encoded() []byte { return r.encoding }

// forAll makes a response ready to be given to many.
func (r *response) forAll() *response {
	if text, err := proto.Marshal(r.CheckResponse); err == nil { // gRPC tells of an error
		r.encoding = text
	}
	return r
}

// service is authv3.Authorization_ServiceDesc, but for responses.
var service = func() grpc.ServiceDesc {
	desc := authv3.Authorization_ServiceDesc
	desc.Methods = []grpc.MethodDesc{{MethodName: "Check", Handler: handleCheck}}
	return desc
}()

// handleCheck is what protoc-gen-go-grpc makes, but for responses.
func handleCheck(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	in := new(authv3.CheckRequest)
	if err := decode(in); err != nil {
		return nil, err
	}
	handle := func(ctx context.Context, in any) (any, error) {
		return srv.(*Server).answer(ctx, in.(*authv3.CheckRequest)), nil
	}
	if interceptor == nil {
		return handle(ctx, in)
	}
	info := &grpc.UnaryServerInfo{Server: srv, FullMethod: authv3.Authorization_Check_FullMethodName}
	return interceptor(ctx, in, info, handle)
}
