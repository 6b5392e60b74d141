package websocket

import (
	"crypto/rand"
	"encoding/base64"
	"regexp"
)

// identifierBytes make 15 characters and an equals sign, as Amazon's identifiers have.
const identifierBytes = 11

// newIdentifier makes the id of a connection, a message or a request. Nobody can guess
// it.
func newIdentifier() string {
	var b [identifierBytes]byte
	rand.Read(b[:]) // it never fails
	return base64.URLEncoding.EncodeToString(b[:])
}

var identifierForm = regexp.MustCompile(`^[A-Za-z0-9_-]{15}=$`)
