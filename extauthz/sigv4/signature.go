package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// checkSignature compares the signature with that of each canonical form of the
// request, and gives what it says is the payload's hash.
func (v *Verifier) checkSignature(r *Request, p *prepared, secret gateway.Secret) (payload string, refused *Error) {
	lines, missing := appendHeaders(make([]byte, 0, 1024), p.fields, p.signedHeaders)
	if missing != "" {
		e := invalid(Mismatch, messageMismatch)
		e.Reason = "the request has no header " + shown(missing) + ", which was signed"
		return "", e
	}
	payloads := payloadHashes(p.declared, r.Body, p.inQuery)
	key, cached := v.keys.get(p.statement, secret)
	if !cached {
		key = deriveKey(secret, p.statement)
	}

	var expected string
	canonical := make([]byte, 0, 2048)
	for _, form := range p.forms(r, payloads) {
		canonical = p.appendCanonical(canonical[:0], r.Method, form, lines)
		toSign := p.stringToSign(canonical)
		want := hex.EncodeToString(sum(key[:], toSign))
		if subtle.ConstantTimeCompare([]byte(want), []byte(p.signature)) == 1 {
			if !cached {
				v.keys.put(p.statement, secret, key)
			}
			return form.payload, nil
		}
		if expected == "" {
			expected = toSign
		}
	}
	if p.declared == "" && !r.Body.known {
		e := invalid(BodyNeeded, messageMismatch)
		e.Reason = "the signature may be good, but not for an empty body, and the body is not at hand"
		return "", e
	}
	e := invalid(Mismatch, messageMismatch)
	e.CanonicalRequest, e.StringToSign = p.shownCanonical(r, payloads[0]), expected
	return "", e
}

// form is a way in which a client may have signed a request.
type form struct{ path, query, payload string }

// forms are all of them, the one by the letter first; nearly always it is the only one.
func (p *prepared) forms(r *Request, payloads []string) []form {
	paths, queries := canonicalPaths(r.Path), canonicalQueries(p.parameters)
	all := make([]form, 0, len(paths)*len(queries)*len(payloads))
	for _, path := range paths {
		for _, query := range queries {
			for _, payload := range payloads {
				all = append(all, form{path, query, payload})
			}
		}
	}
	return all
}

func (p *prepared) appendCanonical(to []byte, method string, f form, headerLines []byte) []byte {
	to = append(to, method...)
	to = append(to, '\n')
	to = append(to, f.path...)
	to = append(to, '\n')
	to = append(to, f.query...)
	to = append(to, '\n')
	to = append(to, headerLines...)
	to = append(to, '\n')
	for i, name := range p.signedHeaders {
		if i > 0 {
			to = append(to, ';')
		}
		to = append(to, name...)
	}
	to = append(to, '\n')
	return append(to, f.payload...)
}

func (p *prepared) stringToSign(canonical []byte) string {
	hash := sha256.Sum256(canonical)
	return algorithmHMAC + "\n" + stamp(p.signedAt) + "\n" +
		p.date + "/" + p.region + "/" + p.service + "/" + terminator + "\n" +
		hex.EncodeToString(hash[:])
}

// maxShown bounds a canonical request in an error.
const maxShown = 16 << 10

// shownCanonical is the canonical request by the letter, for a client to compare
// with its own, without the session token.
func (p *prepared) shownCanonical(r *Request, payload string) string {
	const instead = "redacted"
	all := slices.Clone(p.fields)
	for i := range all.of(tokenHeader) {
		all.of(tokenHeader)[i].Value = instead
	}
	parameters := slices.Clone(p.parameters)
	for i := range parameters {
		if parameters[i].name == queryToken {
			parameters[i].value = instead
		}
	}
	lines, _ := appendHeaders(nil, all, p.signedHeaders)
	asked := form{canonicalPaths(r.Path)[0], canonicalQueries(parameters)[0], payload}
	canonical := p.appendCanonical(nil, r.Method, asked, lines)
	if len(canonical) > maxShown {
		canonical = append(canonical[:maxShown], "..."...)
	}
	return strings.ToValidUTF8(string(canonical), "?")
}
