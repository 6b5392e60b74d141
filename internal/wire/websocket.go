package wire

import (
	"crypto/sha256"
	"encoding/base64"
)

// connectionBytes make 15 characters and an equals sign, as Amazon's ids have.
const connectionBytes = 11

// ConnectionID is the id of the WebSocket connection that a request asks for. It follows
// from the request's own, so that authorizers are told the same as integrations.
func ConnectionID(requestID string) string {
	sum := sha256.Sum256([]byte("WebSocket connection " + requestID))
	return base64.URLEncoding.EncodeToString(sum[:connectionBytes])
}
