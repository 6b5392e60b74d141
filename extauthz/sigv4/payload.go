package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// Payload says what a good signature vouches for of the body.
type Payload string

const (
	// PayloadVerified: the body is the one that was signed.
	PayloadVerified Payload = "verified"
	// PayloadToCheck: the body has to have Verified.PayloadHash, which the caller must
	// check, since it had no body to give.
	PayloadToCheck Payload = "to-check"
	// PayloadUnsigned: the client left the body out of its signature, and signed that.
	PayloadUnsigned Payload = "unsigned"
)

const (
	payloadHeader    = "x-amz-content-sha256"
	unsignedPayload  = "UNSIGNED-PAYLOAD"
	streamingPayload = "STREAMING-"
)

// emptyHash is the SHA-256 of nothing.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// declaration is what the request itself says its payload hash is, "" for nothing.
func declaration(all fields, query presigned) (string, *Error) {
	declared, inHeader, err := all.one(payloadHeader)
	if err != nil {
		return "", err
	}
	if inQuery, there := query[queryPayload]; there {
		if inHeader && inQuery != declared {
			return "", incomplete("The query's %s and the header %s differ.", queryPayload, payloadHeader)
		}
		declared = inQuery
	} else if !inHeader {
		return "", nil
	}
	isHash := len(declared) == 2*sha256.Size && strings.Trim(declared, "0123456789abcdef") == ""
	if !isHash && declared != unsignedPayload && !isStreaming(declared) {
		return "", invalid(PayloadMismatch, "The value of %s must be %s or a SHA-256 in hexadecimal, got '%s'", payloadHeader, unsignedPayload, shown(declared))
	}
	return declared, nil
}

func isStreaming(declared string) bool {
	name, ok := strings.CutPrefix(declared, streamingPayload)
	return ok && len(name) < 64 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// payloadHashes are what may stand for the body in the canonical request. Without a
// declaration and without a body, it is the hash of no body: most requests have none.
// The signer of a pre-signed URL does not know the body; it may have signed, without
// a declaration, that there is none (botocore) or that it may be any.
func payloadHashes(declared string, body Body, inQuery bool) []string {
	if declared != "" {
		return []string{declared}
	}
	hash := emptyHash
	if body.known {
		hash = hex.EncodeToString(body.hash[:])
	}
	if inQuery {
		return []string{hash, unsignedPayload}
	}
	return []string{hash}
}

// judgePayload compares what was signed with what the body is.
func judgePayload(signed string, body Body) (Payload, *Error) {
	switch {
	case signed == unsignedPayload:
		return PayloadUnsigned, nil
	case isStreaming(signed):
		// Only S3 takes these. To pass such a body on would be to pass on chunks
		// that nobody has checked.
		e := invalid(UnsupportedPayload, "The payload type %s is not supported. Sign the SHA-256 of the whole body.", shown(signed))
		e.Reason = "the body is signed in chunks (" + shown(signed) + "), which are not verified"
		return "", e
	case !body.known:
		return PayloadToCheck, nil
	case subtle.ConstantTimeCompare([]byte(signed), []byte(hex.EncodeToString(body.hash[:]))) == 1:
		return PayloadVerified, nil
	}
	e := invalid(PayloadMismatch, messageMismatch)
	e.Reason = "the body's SHA-256 is not the one that was signed"
	return "", e
}
