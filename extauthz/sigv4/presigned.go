package sigv4

import (
	"strconv"
	"strings"
	"time"
)

// The query parameters of a pre-signed URL.
const (
	queryAlgorithm     = "X-Amz-Algorithm"
	queryCredential    = "X-Amz-Credential"
	queryDate          = "X-Amz-Date"
	queryExpires       = "X-Amz-Expires"
	querySignedHeaders = "X-Amz-SignedHeaders"
	querySignature     = "X-Amz-Signature"
	queryToken         = "X-Amz-Security-Token"
	queryPayload       = "X-Amz-Content-Sha256"
)

var presignedNames = map[string]bool{
	queryAlgorithm: true, queryCredential: true, queryDate: true, queryExpires: true,
	querySignedHeaders: true, querySignature: true, queryToken: true, queryPayload: true,
}

// WithoutPresigned gives a pre-signed URL's query without what makes it one. The rest stays
// as it was sent.
func WithoutPresigned(query string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); !presignedNames[encodeQuery(name)] {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// maxExpires is a week, AWS's bound.
const maxExpires = 604800

// presigned are the parameters of a pre-signed URL, decoded, by name.
type presigned map[string]string

// findPresigned collects them. It is nil where none is that would make the query a
// signature: an API may have a parameter X-Amz-Date of its own.
func findPresigned(parameters []parameter) (presigned, *Error) {
	var found presigned
	signed, twice := false, ""
	for _, p := range parameters {
		if !presignedNames[p.name] {
			continue
		}
		switch p.name {
		case queryAlgorithm, queryCredential, querySignature:
			signed = true
		}
		if found == nil {
			found = presigned{}
		}
		if _, there := found[p.name]; there {
			twice = p.name
		}
		found[p.name] = decodeQuery(p.sentValue)
	}
	if !signed {
		return nil, nil
	}
	if twice != "" {
		return nil, incomplete("The query has more than one '%s' parameter.", twice)
	}
	return found, nil
}

// statement reads the signature. The texts are AWS's (recall).
func (q presigned) statement() (*statement, *Error) {
	missing := ""
	for _, name := range []string{queryAlgorithm, queryCredential, querySignature, querySignedHeaders, queryDate} {
		if q[name] == "" {
			missing += "AWS query-string parameters must include '" + name + "'. "
		}
	}
	if missing != "" {
		return nil, incomplete("%sRe-examine the query-string parameters.", missing)
	}
	if q[queryAlgorithm] != algorithmHMAC {
		return nil, unsupportedAlgorithm(q[queryAlgorithm])
	}
	s, err := newStatement(q[queryCredential], q[querySignedHeaders], q[querySignature])
	if err != nil {
		return nil, err
	}
	s.inQuery = true
	return s, nil
}

// lifetime is how long the URL is good for. Clients of services other than S3 may
// leave it out (aws4 and Amplify do); then it is that of any other signature.
func (q presigned) lifetime(otherwise time.Duration) (time.Duration, *Error) {
	text, given := q[queryExpires]
	if !given {
		return otherwise, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil || seconds < 1 || seconds > maxExpires {
		return 0, incomplete("%s must be a number of seconds from 1 to %d, got '%s'", queryExpires, maxExpires, shown(text))
	}
	return time.Duration(seconds) * time.Second, nil
}
