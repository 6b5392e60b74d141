package extauthz

import (
	"context"
	"errors"
	"strings"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
)

// signature finds out who signed the request.
type signature struct{}

func (signature) kind() kind { return signatureKind }

func (signature) evaluate(ctx context.Context, c *check) *refusal {
	store := c.current.access
	verified, err := store.verifier.Verify(ctx, c.signedRequest(), c.now)
	var wrong *sigv4.Error
	switch {
	case errors.As(err, &wrong):
		return c.refusedSignature(wrong)
	case err != nil:
		return refuse(CodeInternal, gateway.AuthorizerFailure).because(err.Error())
	case verified.Payload == sigv4.PayloadToCheck:
		// It is signed, but what came is not at hand to be compared with it.
		return refuse(CodeBodyMissing, gateway.APIConfigurationError).because("Envoy did not send the body along")
	}
	key := store.keys[verified.AccessKeyID]
	c.caller, c.accessKey = key.caller, verified.AccessKeyID
	c.identity = map[string]string{
		"accountId": key.caller.Account,
		"accessKey": verified.AccessKeyID,
		"caller":    key.caller.UserID,
		"user":      key.caller.UserID,
		"userArn":   key.caller.ARN,
	}
	return nil
}

// signedRequest is what the client signed: what it asked for, not what the path form has
// made of that. The one follows from the other, so that a signature is good for one route
// only all the same.
func (c *check) signedRequest() *sigv4.Request {
	r := &sigv4.Request{
		Method: c.http.GetMethod(), Path: c.request.path, Query: c.query, Host: c.http.GetHost(),
		Body: c.body(),
	}
	if c.askedPath != "" {
		r.Path, r.Query, _ = strings.Cut(c.askedPath, "?")
		r.Host = c.askedHost
	}
	for _, h := range c.headers() {
		r.Headers = append(r.Headers, sigv4.Header{Name: h.name, Value: h.value})
	}
	return r
}

// body is what Envoy sent of it. There is none at hand if the client announced one that
// Envoy was not told to send.
func (c *check) body() sigv4.Body {
	raw := c.http.GetRawBody()
	if len(raw) == 0 {
		raw = []byte(c.http.GetBody())
	}
	switch length := c.header("content-length"); {
	case c.header("x-envoy-auth-partial-body") == "true":
		return sigv4.Body{}
	case len(raw) > 0:
		return sigv4.BodyBytes(raw)
	case length != "" && length != "0", c.header("transfer-encoding") != "":
		return sigv4.Body{}
	}
	return sigv4.BodyBytes(nil)
}

// refusedSignature gives the exception's own name, unless the API has a gateway response
// of its own for it: Envoy recognises those by the name of the response's exception.
func (c *check) refusedSignature(e *sigv4.Error) *refusal {
	r := refuse(CodeSignature+Code(e.Kind), e.Response).saying(e.Message).because(e.Reason)
	if c.stage.deployment.ResolveGatewayResponse(e.Response) == nil {
		r.errorType = e.Type
	}
	return r
}
