package sigv4

import (
	"slices"
	"strings"
)

const (
	algorithmHMAC = "AWS4-HMAC-SHA256"
	// algorithmECDSA is SigV4A's.
	algorithmECDSA = "AWS4-ECDSA-P256-SHA256"
	terminator     = "aws4_request"
)

// statement is what a request says of its signature, in either form.
type statement struct {
	accessKeyID string
	// date, region, service and term are the credential's scope.
	date, region, service, term string
	signedHeaders               []string
	signature                   string
	// inQuery: it is a pre-signed URL's.
	inQuery bool
}

// parseAuthorization reads an Authorization header: the algorithm, and after it
// Credential, SignedHeaders and Signature in any order with commas between, blanks
// around them allowed, each once and nothing else.
func parseAuthorization(header string) (*statement, *Error) {
	if len(header) > maxAuthorization {
		return nil, tooLarge("Authorization header", maxAuthorization)
	}
	algorithm, rest, _ := strings.Cut(strings.Trim(header, " \t"), " ")
	if strings.Contains(algorithm, "=") {
		return nil, incomplete("Authorization header must begin with the algorithm name, which cannot include an equal-sign. Authorization=%s", hashed(header))
	}
	if strings.HasPrefix(algorithm, "AWS4-") && algorithm != algorithmHMAC {
		return nil, unsupportedAlgorithm(algorithm)
	}

	parts := map[string]string{}
	if rest = strings.Trim(rest, " \t"); rest != "" {
		for pair := range strings.SplitSeq(rest, ",") {
			name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok {
				return nil, incomplete("Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '%s'.", hashed(header))
			}
			switch name {
			case "Credential", "SignedHeaders", "Signature":
			default:
				// With another scheme, such as Basic, this is nothing of ours.
				if algorithm == algorithmHMAC {
					return nil, incomplete("Authorization header has an unknown parameter '%s'.", shown(name))
				}
				continue
			}
			if _, twice := parts[name]; twice {
				return nil, incomplete("Authorization header has more than one '%s' parameter.", name)
			}
			parts[name] = value
		}
	}
	var missing strings.Builder
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[name] == "" {
			missing.WriteString("Authorization header requires '" + name + "' parameter. ")
		}
	}
	if missing.Len() > 0 {
		return nil, incomplete("%s(Hashed with SHA-256 and encoded with Base64) Authorization=%s", missing.String(), hashed(header))
	}
	if algorithm != algorithmHMAC {
		return nil, unsupportedAlgorithm(algorithm)
	}
	return newStatement(parts["Credential"], parts["SignedHeaders"], parts["Signature"])
}

func newStatement(credential, signedHeaders, signature string) (*statement, *Error) {
	s := &statement{signature: signature}
	if err := s.readCredential(credential); err != nil {
		return nil, err
	}
	var err *Error
	if s.signedHeaders, err = parseSignedHeaders(signedHeaders); err != nil {
		return nil, err
	}
	if len(signature) != 64 || strings.Trim(signature, "0123456789abcdef") != "" {
		// AWS does not tell this from a signature that is wrong.
		e := invalid(Mismatch, messageMismatch)
		e.Reason = "the signature is not 64 hexadecimal digits in lower case"
		return nil, e
	}
	return s, nil
}

// readCredential takes keyid/date/region/service/term apart.
func (s *statement) readCredential(credential string) *Error {
	parts := strings.Split(shortened(credential), "/")
	if len(parts) != 5 || slices.ContainsFunc(parts, func(part string) bool { return !isScopeElement(part) }) {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", shown(credential))
	}
	s.accessKeyID, s.date, s.region, s.service, s.term = parts[0], parts[1], parts[2], parts[3], parts[4]
	return nil
}

// maxCredential is for an access key of 128 characters, which is AWS's bound, and
// everything else.
const maxCredential = 512

// shortened makes sure that nothing long is taken apart; what is cut off is
// malformed.
func shortened(credential string) string {
	if len(credential) > maxCredential {
		return ""
	}
	return credential
}

func isScopeElement(part string) bool {
	if part == "" || len(part) > 128 {
		return false
	}
	for i := range len(part) {
		if !unreserved[part[i]] {
			return false
		}
	}
	return true
}

// parseSignedHeaders reads the names, which have to be in lower case, sorted, and
// each once: every client makes them so, and it leaves one way to read them.
func parseSignedHeaders(list string) ([]string, *Error) {
	if strings.Count(list, ";") >= maxSignedHeaders {
		return nil, incomplete("SignedHeaders has more than %d names.", maxSignedHeaders).as(TooLarge)
	}
	names := strings.Split(list, ";")
	for i, name := range names {
		if !isHeaderName(name) {
			return nil, incomplete("SignedHeaders must be names of headers in lower case with ';' between, got '%s'", shown(list))
		}
		if i > 0 && names[i-1] >= name {
			return nil, incomplete("SignedHeaders must be sorted and have each name once, got '%s' before '%s'", shown(names[i-1]), shown(name))
		}
	}
	return names, nil
}

// isHeaderName: a token of RFC 9110 in lower case.
func isHeaderName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return name != ""
}
