package extauthz_test

import (
	"testing"

	"google.golang.org/grpc/metadata"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// TestSigners holds what is believed of who has signed a message: only what Envoy says apart
// from the request, of a key that is still there, and never of the message itself.
func TestSigners(t *testing.T) {
	s := one(gateway.REST, signed("GET", "/pets/{id}"))
	st := &s.APIs[0].Stages[0]
	st.MCP = &gateway.MCP{}
	st.Deployment.Tools = []gateway.Tool{{Name: "pet", Route: petRoute}}
	s.Credentials = []gateway.Credential{
		credential("AKID", ownUser, identityPolicy("Allow", "*")),
		credential("OTHER", ownUser, identityPolicy("Allow", "arn:aws:execute-api:*:*:pets/v1/POST/mcp")),
		{AccessKeyID: "OFF", SecretAccessKey: "secret-of-OFF", ARN: ownUser, Policies: []gateway.Policy{identityPolicy("Allow", "*")}, Disabled: true},
	}
	h := newHarness(t, s)
	call := ask{route: petRoute, base: "/v1"}
	message := ask{method: "POST", route: "POST /mcp", base: "/v1", path: "/v1/mcp", body: []byte("hello")}
	claims := ask{route: petRoute, base: "/v1", headers: []string{wire.SignerHeader + ": AKID"}}
	for name, c := range map[string]struct {
		ask     ask
		signers []string
		code    string
	}{
		"who may":              {call, []string{"AKID"}, ""},
		"who may not":          {call, []string{"OTHER"}, "permission-not-allowed"},
		"nobody":               {call, []string{wire.Nothing}, "signature-not-signed"},
		"no word":              {call, nil, "signature-not-signed"},
		"an unknown key":       {call, []string{"WHO"}, "signature-unknown-key"},
		"a disabled key":       {call, []string{"OFF"}, "signature-unknown-key"},
		"two":                  {call, []string{"AKID", "AKID"}, "signature-not-signed"},
		"a header":             {claims, nil, "signature-not-signed"},
		"a message":            {message, []string{"AKID"}, "signature-not-signed"},
		"a signed message":     {sign(t, message, "OTHER"), []string{wire.Nothing}, ""},
		"signed by another":    {sign(t, message, "OTHER"), []string{"AKID"}, ""},
		"signed by a disabled": {sign(t, message, "OFF"), []string{"AKID"}, "signature-unknown-key"},
	} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{wire.SignerHeader: c.signers})
		if got := h.checkIn(ctx, c.ask); got.code() != c.code || (got.status == 200) != (c.code == "") {
			t.Errorf("%s: %d %q %s", name, got.status, got.code(), got.body)
		}
	}
}
