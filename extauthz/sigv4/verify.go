package sigv4

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
)

// Credential is an access key.
type Credential struct {
	Secret gateway.Secret
	// SessionToken is set for temporary credentials: a request has to bring it.
	SessionToken gateway.Secret
	// Expires is when temporary credentials end; zero for never.
	Expires   time.Time
	Principal Principal
}

// Principal is whose access key it is: what becomes $context.identity.
type Principal struct {
	AccountID string
	// UserID is the unique ID of the user, or that of the role with the session's name.
	UserID string
	ARN    string
}

// Lookup finds an access key. It gives nil for one that does not exist or is not
// active; its errors are about its own work, and end the verification.
type Lookup func(ctx context.Context, accessKeyID string) (*Credential, error)

// Options are what a Verifier needs to know.
type Options struct {
	Lookup Lookup
	// Service is what requests must be signed for; execute-api, unless set.
	Service string
	// Regions are those that requests may be signed for; any, if empty.
	Regions []string
	// ClockSkew is how far a request's time may be from now; five minutes unless set,
	// which is what API Gateway's answers to late requests name.
	ClockSkew time.Duration
}

const (
	defaultService = "execute-api"
	defaultSkew    = 5 * time.Minute
	maxSkew        = 24 * time.Hour
)

// Verifier verifies signatures. It is safe for concurrent use.
type Verifier struct {
	lookup  Lookup
	service string
	regions []string
	skew    time.Duration
	keys    *keyCache
}

// New makes a Verifier.
func New(o Options) (*Verifier, error) {
	if o.Service == "" {
		o.Service = defaultService
	}
	if o.ClockSkew == 0 {
		o.ClockSkew = defaultSkew
	}
	var problems []error
	if o.Lookup == nil {
		problems = append(problems, errors.New("sigv4: there is no lookup for access keys"))
	}
	if !isScopeElement(o.Service) {
		problems = append(problems, fmt.Errorf("sigv4: %q cannot be the name of a service", o.Service))
	}
	for _, region := range o.Regions {
		if !isScopeElement(region) {
			problems = append(problems, fmt.Errorf("sigv4: %q cannot be the name of a region", region))
		}
	}
	if o.ClockSkew < time.Second || o.ClockSkew > maxSkew {
		problems = append(problems, fmt.Errorf("sigv4: the clock skew %v is not between a second and %v", o.ClockSkew, maxSkew))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Verifier{o.Lookup, o.Service, slices.Clone(o.Regions), o.ClockSkew, new(keyCache)}, nil
}

// Verified is what a good signature says.
type Verified struct {
	AccessKeyID string
	Principal   Principal
	// Date, Region and Service are the scope that was signed for.
	Date, Region, Service string
	SignedAt              time.Time
	// GoodUntil is when the signature expires.
	GoodUntil     time.Time
	SignedHeaders []string
	// Presigned: the signature was in the query.
	Presigned bool
	// Payload says whether the body is vouched for. With PayloadToCheck it is only
	// once the caller has found it to have the PayloadHash.
	Payload Payload
	// PayloadHash is the body's signed SHA-256 in hexadecimal, "" for PayloadUnsigned.
	PayloadHash string
}

// Verify finds out who signed a request. Refusals are of type *Error; any other
// error comes from the lookup, and says nothing about the request.
//
// Checks are in AWS's order (recall), so that the same request gets the same answer:
// form, date, host, scope, key, signature.
func (v *Verifier) Verify(ctx context.Context, r *Request, now time.Time) (*Verified, error) {
	p, refused := v.prepare(r, now)
	if refused != nil {
		return nil, refused
	}
	credential, err := v.lookup(ctx, p.accessKeyID)
	if err != nil {
		return nil, fmt.Errorf("looking up access key %s: %w", p.accessKeyID, err)
	}
	if credential == nil {
		return nil, NoSuchKey()
	}
	if refused := p.checkToken(credential, now); refused != nil {
		return nil, refused
	}
	hash, refused := v.checkSignature(r, p, credential.Secret)
	if refused != nil {
		return nil, refused
	}
	payload, refused := judgePayload(hash, r.Body)
	if refused != nil {
		return nil, refused
	}
	if payload == PayloadUnsigned {
		hash = ""
	}
	return &Verified{
		AccessKeyID: p.accessKeyID, Principal: credential.Principal,
		Date: p.date, Region: p.region, Service: p.service,
		SignedAt: p.signedAt, GoodUntil: p.goodUntil,
		SignedHeaders: p.signedHeaders, Presigned: p.inQuery,
		Payload: payload, PayloadHash: hash,
	}, nil
}

// prepared is a request whose signature can be checked.
type prepared struct {
	*statement
	fields              fields
	parameters          []parameter
	signedAt, goodUntil time.Time
	token               string
	declared            string
}

// prepare reads the request, and checks all that needs no access key.
func (v *Verifier) prepare(r *Request, now time.Time) (*prepared, *Error) {
	if len(r.Path)+len(r.Query) > maxTarget {
		return nil, tooLarge("request's path and query", maxTarget)
	}
	// The canonical request is lines, so a line end within one could shift what is
	// what. Servers do not let them through, but this must not depend on it.
	if !isHeaderName(strings.ToLower(r.Method)) || hasControl(r.Path) || hasControl(r.Query) {
		return nil, incomplete("The request line is malformed.")
	}
	p := new(prepared)
	var err *Error
	if p.fields, err = sortedFields(r); err != nil {
		return nil, err
	}
	if p.parameters, err = parseQuery(r.Query); err != nil {
		return nil, err
	}
	query, err := findPresigned(p.parameters)
	if err != nil {
		return nil, err
	}
	header, inHeader, err := p.fields.one("authorization")
	if err != nil {
		return nil, err
	}
	switch {
	case query != nil && inHeader:
		return nil, invalid(Incomplete, "Found both '%s' as a query-string param and 'Authorization' as HTTP header.", queryAlgorithm)
	case query != nil:
		p.statement, err = query.statement()
	case header != "":
		p.statement, err = parseAuthorization(header)
	default:
		err = notSigned()
	}
	if err != nil {
		return nil, err
	}

	var dateHeader string
	if p.signedAt, dateHeader, err = signedAt(p.fields, query); err != nil {
		return nil, err
	}
	lifetime := v.skew
	if query != nil {
		if lifetime, err = query.lifetime(v.skew); err != nil {
			return nil, err
		}
	}
	p.goodUntil = p.signedAt.Add(lifetime)
	if now.After(p.goodUntil) {
		return nil, expired(p.signedAt, now, lifetime)
	}
	if p.signedAt.After(now.Add(v.skew)) {
		return nil, notYetCurrent(p.signedAt, now, v.skew)
	}
	if err = p.checkCoverage(dateHeader); err != nil {
		return nil, err
	}
	if err = v.checkScope(p); err != nil {
		return nil, err
	}
	if p.declared, err = declaration(p.fields, query); err != nil {
		return nil, err
	}
	if p.token, err = sessionToken(p.fields, query); err != nil {
		return nil, err
	}
	return p, nil
}

// checkCoverage makes sure that nothing that decides is left out of the signature:
// the host, the date, and every x-amz- header that the request has.
func (p *prepared) checkCoverage(dateHeader string) *Error {
	signed := func(name string) bool {
		_, found := slices.BinarySearch(p.signedHeaders, name)
		return found
	}
	if !signed("host") {
		return notCovered("Host")
	}
	if dateHeader != "" && !signed(dateHeader) {
		return notCovered(dateHeader)
	}
	for _, field := range p.fields {
		// CloudFront adds x-amz-cf-id to requests that are signed already.
		if strings.HasPrefix(field.Name, "x-amz-") && field.Name != "x-amz-cf-id" && !signed(field.Name) {
			return notCovered(field.Name)
		}
	}
	return nil
}

// checkScope collects what is wrong with the scope. The texts are AWS's (recall);
// the region that would be right is not named, as AWS does not either.
func (v *Verifier) checkScope(p *prepared) *Error {
	var problems strings.Builder
	if len(v.regions) > 0 && !slices.Contains(v.regions, p.region) {
		problems.WriteString("Credential should be scoped to a valid region. ")
	}
	if p.service != v.service {
		problems.WriteString("Credential should be scoped to correct service: '" + v.service + "'. ")
	}
	if p.term != terminator {
		problems.WriteString("Credential should be scoped with a valid terminator: '" + terminator + "', not '" + shown(p.term) + "'. ")
	}
	if at := stamp(p.signedAt); p.date != at[:8] {
		problems.WriteString("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			shown(p.date) + "' != '" + at[:8] + "', from '" + at + "'. ")
	}
	if problems.Len() > 0 {
		return invalid(WrongScope, "%s", problems.String())
	}
	return nil
}

const tokenHeader = "x-amz-security-token"

// sessionToken is the token of temporary credentials, "" for none.
func sessionToken(all fields, query presigned) (string, *Error) {
	token, inHeader, err := all.one(tokenHeader)
	if err != nil || query == nil {
		return token, err
	}
	if inHeader {
		return "", incomplete("A pre-signed request must have its security token in the query, not in a header.")
	}
	return query[queryToken], nil
}

func (p *prepared) checkToken(credential *Credential, now time.Time) *Error {
	want := credential.SessionToken.Reveal()
	if subtle.ConstantTimeCompare([]byte(p.token), []byte(want)) != 1 {
		switch {
		case want == "":
			return wrongToken("there is a session token, which the access key does not have")
		case p.token == "":
			return wrongToken("the session token of the temporary credentials is missing")
		}
		return wrongToken("the session token is not that of the access key")
	}
	if !credential.Expires.IsZero() && !now.Before(credential.Expires) {
		return expiredToken()
	}
	return nil
}
