package extauthz

import (
	"encoding/json"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// open is the answer that adds nothing. Answers are never changed once they are made,
// so that several requests may be given the same one.
var open = (&response{CheckResponse: &authv3.CheckResponse{
	Status:       &rpcstatus.Status{Code: int32(codes.OK)},
	HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}},
}}).forAll()

// grant is the answer for a request that got past every evaluator.
func (c *check) grant() *response {
	if c.keyTag == "" && c.identity == nil && !c.invalidates {
		switch {
		case c.ready != nil:
			return c.ready
		case c.authorizer == nil && c.claims == nil:
			return open
		}
	}
	ok := &authv3.OkHttpResponse{}
	if c.keyTag != "" {
		ok.Headers = []*corev3.HeaderValueOption{replaceHeader(wire.KeyHeader, c.keyTag)}
	}
	if c.presigned {
		ok.Headers = append(ok.Headers, replaceHeader(":path", c.withoutSignature()))
	}
	return &response{CheckResponse: &authv3.CheckResponse{
		Status:          open.GetStatus(),
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: ok},
		DynamicMetadata: c.metadata(nil),
	}}
}

// readyAnswer is what grant gives for an authorizer's context alone.
func readyAnswer(a *answer) *response {
	return (&check{authorizer: a.context, typed: a.typed, functionRequest: a.functionRequest}).grant().forAll()
}

// metadata is what Envoy keeps of the answer, nil for nothing.
func (c *check) metadata(more map[string]*structpb.Value) *structpb.Struct {
	fields := more
	set := func(key string, value *structpb.Value) {
		if fields == nil {
			fields = map[string]*structpb.Value{}
		}
		fields[key] = value
	}
	if c.authorizer != nil {
		set(wire.AnswerAuthorizer, structpb.NewStructValue(c.authorizer))
	}
	if c.typed != nil {
		set(wire.AnswerTyped, structpb.NewListValue(c.typed))
	}
	if c.functionRequest != "" {
		set(wire.AnswerFunctionRequest, structpb.NewStringValue(utf8Text(c.functionRequest)))
	}
	if c.claims != nil {
		set(wire.AnswerClaims, structpb.NewStructValue(c.claims))
	}
	if c.identity != nil {
		identity := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(c.identity))}
		for name, value := range c.identity {
			identity.Fields[name] = structpb.NewStringValue(utf8Text(value))
		}
		set(wire.AnswerIdentity, structpb.NewStructValue(identity))
	}
	if c.invalidates {
		set(wire.AnswerInvalidate, structpb.NewStringValue("true"))
	}
	if fields == nil {
		return nil
	}
	return &structpb.Struct{Fields: fields}
}

// deny is the answer for a request that an evaluator refused.
func (c *check) deny(r *refusal) *authv3.CheckResponse {
	protocol := gateway.REST
	if c.stage != nil {
		protocol = c.stage.protocol
	}
	out := r.reply(protocol)
	headers := []*corev3.HeaderValueOption{replaceHeader("content-type", "application/json")}
	if protocol == gateway.HTTP {
		headers = append(headers, replaceHeader("apigw-requestid", c.id()))
		if r.challenge != "" {
			headers = append(headers, replaceHeader("www-authenticate", r.challenge))
		}
	} else {
		headers = append(headers, replaceHeader("x-amzn-requestid", c.id()))
		if out.errorType != "" {
			headers = append(headers, replaceHeader("x-amzn-errortype", out.errorType))
		}
	}
	fields := map[string]*structpb.Value{wire.AnswerCode: structpb.NewStringValue(string(r.code))}
	if out.message != "" {
		fields[wire.AnswerMessage] = structpb.NewStringValue(utf8Text(out.message))
	}
	if r.detail != "" {
		fields[wire.AnswerDetail] = structpb.NewStringValue(insideJSON(r.detail))
	}
	code := codes.PermissionDenied
	switch {
	case out.status == 401:
		code = codes.Unauthenticated
	case out.status >= 500:
		code = codes.Internal
	}
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{Code: int32(code)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(out.status)},
			Headers: headers,
			Body:    out.body,
		}},
		DynamicMetadata: c.metadata(fields),
	}
}

func replaceHeader(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: utf8Text(value)},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// insideJSON is a text as it stands between the quotes of a JSON string: that is where
// templates put it. Nothing in it begins a tag, for those that answer a page.
func insideJSON(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil { // Text always marshals.
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

// utf8Text makes sure that text can be sent: protocol buffers take UTF-8 only, and
// parts of requests can be anything.
func utf8Text(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
