package extauthz

import (
	"context"
	"errors"
	"strings"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
)

// signature finds out who signed the request.
type signature struct {
	// message: it is one to an endpoint for agents. Its body says what is called, and no
	// request that is made of a message comes there.
	message bool
}

func (signature) kind() kind { return signatureKind }

func (s signature) evaluate(ctx context.Context, c *check) *refusal {
	store := c.current.access
	if c.signer != "" && !s.message {
		// The endpoint has verified the signature of the message a moment ago.
		if store.keys[c.signer] == nil {
			return c.refusedSignature(sigv4.NoSuchKey())
		}
		c.signedBy(c.signer)
		return nil
	}
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
	case s.message && verified.Payload != sigv4.PayloadVerified:
		return refuse(CodeSignature+Code(sigv4.UnsupportedPayload), gateway.InvalidSignature).
			saying("Sign the SHA-256 of the body, which says what is called.").because("the signature leaves the message out")
	}
	c.signedBy(verified.AccessKeyID)
	c.presigned = verified.Presigned
	return nil
}

// signedBy notes who calls: the owner of an access key, which there is.
func (c *check) signedBy(id string) {
	key := c.current.access.keys[id]
	c.caller, c.accessKey = key.caller, id
	c.identity = map[string]string{
		"accountId": key.caller.Account,
		"accessKey": id,
		"caller":    key.caller.UserID,
		"user":      key.caller.UserID,
		"userArn":   key.caller.ARN,
	}
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

// withoutSignature is what a pre-signed request asks for. A signature is for the gateway: a
// backend that got it could ask for the same again, for as long as the URL is good.
func (r *request) withoutSignature() string {
	if rest := sigv4.WithoutPresigned(r.query); rest != "" {
		return r.path + "?" + rest
	}
	return r.path
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
