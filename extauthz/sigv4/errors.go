package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse/gateway"
)

// Kind says what is wrong with a request's signature.
type Kind string

// The kinds of errors.
const (
	// NotSigned: the request has neither form of a signature.
	NotSigned Kind = "not-signed"
	// Incomplete: a part of the signature is missing or malformed.
	Incomplete Kind = "incomplete"
	// UnsupportedAlgorithm: anything but AWS4-HMAC-SHA256, SigV4A among them.
	UnsupportedAlgorithm Kind = "unsupported-algorithm"
	// NotCovered: a header that has to be signed is not.
	NotCovered Kind = "not-covered"
	// WrongScope: signed for another service, region or day.
	WrongScope Kind = "wrong-scope"
	// Expired: signed too long ago.
	Expired Kind = "expired"
	// NotYetCurrent: signed in the future.
	NotYetCurrent Kind = "not-yet-current"
	// UnknownKey: no such access key.
	UnknownKey Kind = "unknown-key"
	// WrongToken: the session token is missing, or not the one of the access key.
	WrongToken Kind = "wrong-token"
	// ExpiredToken: the temporary credentials are over.
	ExpiredToken Kind = "expired-token"
	// Mismatch: the signature is not that of the request.
	Mismatch Kind = "mismatch"
	// PayloadMismatch: the signature is good, but for another body.
	PayloadMismatch Kind = "payload-mismatch"
	// BodyNeeded: the body is not at hand and the request does not declare its
	// hash, so that it cannot be told whether the signature is good.
	BodyNeeded Kind = "body-needed"
	// UnsupportedPayload: the signature is good, but the body is signed in chunks.
	UnsupportedPayload Kind = "unsupported-payload"
	// TooLarge: a part is longer than any honest client makes it.
	TooLarge Kind = "too-large"
)

// Error is a refusal, as AWS would answer it. It holds no secrets: what comes from
// the request in it is shortened, and session tokens are left out.
type Error struct {
	Kind   Kind
	Status int
	// Type is the value of the x-amzn-errortype header.
	Type string
	// Message is for the client.
	Message string
	// Reason is for the log, where it says more than Message.
	Reason string
	// Response is the gateway response of a REST API.
	Response gateway.ResponseType
	// CanonicalRequest and StringToSign are what the signature should have been
	// made of, set for a Mismatch only. They repeat what the client sent, so they
	// may be shown to it but not logged.
	CanonicalRequest, StringToSign string
}

// Error implements error. It is fit for logs.
func (e *Error) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s", e.Kind, e.Reason)
	}
	return fmt.Sprintf("%s: %s", e.Kind, e.Message)
}

// DetailedMessage is Message, and after it what the signature should have been made
// of, where that is known: what the coral framework, on which AWS's services are
// built, tells a client whose signature does not match (recall).
func (e *Error) DetailedMessage() string {
	if e.CanonicalRequest == "" {
		return e.Message
	}
	return e.Message + "\n\nThe Canonical String for this request should have been\n'" + e.CanonicalRequest +
		"'\n\nThe String-to-Sign should have been\n'" + e.StringToSign + "'\n"
}

// The exception names are those that API Gateway puts into x-amzn-errortype. The
// names and texts of missing token, mismatch and expired token are given by the
// reference (aws-auth §5.6, and the gateway responses); the others are recalled,
// and agree with answers of AWS's services quoted in public bug reports.
const (
	typeMissing      = "MissingAuthenticationTokenException"
	typeIncomplete   = gateway.IncompleteSignature
	typeInvalid      = "InvalidSignatureException"
	typeUnrecognized = gateway.UnrecognizedClient
	typeExpiredToken = "ExpiredTokenException"

	// messageMismatch is the reference's up to "Check", and recall after it.
	messageMismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	// messageInvalidToken is API Gateway's answer to unknown access keys according
	// to AWS's knowledge center.
	messageInvalidToken = "The security token included in the request is invalid."
)

// refuse makes the errors that a REST API answers with its gateway response
// INVALID_SIGNATURE: by the reference those of unknown keys and wrong signatures, and
// it is a guess that it is so for all but missing and expired tokens.
func refuse(kind Kind, errorType, message string) *Error {
	return &Error{Kind: kind, Status: http.StatusForbidden, Type: errorType, Message: message, Response: gateway.InvalidSignature}
}

func incomplete(format string, args ...any) *Error {
	return refuse(Incomplete, typeIncomplete, fmt.Sprintf(format, args...))
}

func invalid(kind Kind, format string, args ...any) *Error {
	return refuse(kind, typeInvalid, fmt.Sprintf(format, args...))
}

func builtIn(kind Kind, response gateway.ResponseType) *Error {
	builtin := gateway.ResponseDefaults[response]
	return &Error{Kind: kind, Status: builtin.Status, Type: builtin.ErrorType, Message: builtin.Message, Response: response}
}

// notSigned and expiredToken are as the reference has them.
func notSigned() *Error    { return builtIn(NotSigned, gateway.MissingAuthenticationToken) }
func expiredToken() *Error { return builtIn(ExpiredToken, gateway.ExpiredToken) }

// NoSuchKey is the refusal of requests of an access key that is not there.
func NoSuchKey() *Error { return refuse(UnknownKey, typeUnrecognized, messageInvalidToken) }

func wrongToken(reason string) *Error {
	e := refuse(WrongToken, typeUnrecognized, messageInvalidToken)
	e.Reason = reason
	return e
}

// unsupportedAlgorithm has AWS's text (recall), and says so when it is SigV4A.
func unsupportedAlgorithm(algorithm string) *Error {
	e := refuse(UnsupportedAlgorithm, typeIncomplete, fmt.Sprintf("Unsupported AWS 'algorithm': '%s' (only %s for now). ", shown(algorithm), algorithmHMAC))
	if strings.HasPrefix(algorithm, algorithmECDSA) {
		e.Reason = "the request is signed with SigV4A (" + algorithmECDSA + "), which is not supported: let the client sign for one region, with " + algorithmHMAC
	}
	return e
}

// notCovered follows AWS's text for the Host header (recall); that it is the same
// for others is a guess.
func notCovered(name string) *Error {
	return invalid(NotCovered, "'%s' must be a 'SignedHeader' in the AWS Authorization.", shown(name))
}

// tooLarge has no counterpart at AWS, where the load balancer refuses such requests.
func tooLarge(what string, limit int) *Error {
	return incomplete("The %s is longer than %d bytes.", what, limit).as(TooLarge)
}

func (e *Error) as(kind Kind) *Error {
	e.Kind = kind
	return e
}

// expired and notYetCurrent have AWS's texts (recall).
func expired(signedAt, now time.Time, allowed time.Duration) *Error {
	return invalid(Expired, "Signature expired: %s is now earlier than %s (%s - %s)",
		stamp(signedAt), stamp(now.Add(-allowed)), stamp(now), inMinutes(allowed))
}

func notYetCurrent(signedAt, now time.Time, allowed time.Duration) *Error {
	return invalid(NotYetCurrent, "Signature not yet current: %s is still later than %s (%s + %s)",
		stamp(signedAt), stamp(now.Add(allowed)), stamp(now), inMinutes(allowed))
}

func stamp(t time.Time) string { return t.UTC().Format(timestampLayout) }

func inMinutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return fmt.Sprintf("%d sec.", d/time.Second)
}

// shown makes a value of the request fit for a message: short, and printable ASCII.
func shown(value string) string {
	const limit = 100
	cut := value
	if len(cut) > limit {
		cut = cut[:limit]
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, cut)
	if len(value) > limit {
		clean += "..."
	}
	return clean
}

// hashed stands for an Authorization header in messages, as AWS does it since it
// stopped to repeat the header itself (recall).
func hashed(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.StdEncoding.EncodeToString(sum[:])
}
