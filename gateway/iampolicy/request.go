package iampolicy

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Request is what a policy is asked about. A field that is zero is a condition key
// that the request does not have, except SecureTransport, which every request has.
type Request struct {
	// Action such as Invoke.
	Action string
	// Resource is the ARN of the method, see API.MethodARN.
	Resource string
	Caller   Caller
	// Time of the request.
	Time            time.Time
	SourceIP        netip.Addr
	SecureTransport bool
	Referer         string
	UserAgent       string
	SourceARN       string
	// SourceVPC, SourceVPCE and VPCSourceIP belong to private APIs.
	SourceVPC   string
	SourceVPCE  string
	VPCSourceIP netip.Addr
}

// Caller is who signed a request. The zero value is the anonymous caller of a method
// without AWS_IAM authorization.
type Caller struct {
	// ARN of the user, the root user or the session.
	ARN string
	// RoleARN is the role of a session. Without it, it is taken from the session's ARN,
	// which has the name of the role, but not its path.
	RoleARN string
	// Account is taken from the ARN when it is empty.
	Account string
	// Service and Federated are set when an AWS service or the user of an identity
	// provider calls.
	Service   string
	Federated string
	// Type is aws:PrincipalType: User, AssumedRole, FederatedUser, Account.
	Type     string
	UserID   string
	UserName string
	OrgID    string
	OrgPaths []string
	Tags     []Tag
	// TokenIssueTime of temporary credentials.
	TokenIssueTime time.Time
	MFA            MFA
	// MFAAge is the time since multi-factor authentication, when MFA is MFAUsed.
	MFAAge time.Duration
}

// Tag of a principal.
type Tag struct{ Key, Value string }

// MFA says whether temporary credentials were given to someone who used multi-factor
// authentication.
type MFA int

const (
	// MFAUnknown is that of long-term credentials and of the anonymous, who have no
	// aws:MultiFactorAuthPresent at all.
	MFAUnknown MFA = iota
	MFAUnused
	MFAUsed
)

// evaluation is a request prepared for the statements of a policy.
type evaluation struct {
	request *Request
	action  string
	// resource is the request's, taken apart.
	resource [arnParts]string
	isARN    bool
}

func (e *evaluation) prepare(r *Request) {
	e.request, e.action = r, lowerAction(r.Action)
	e.resource, e.isARN = splitARN(r.Resource)
}

// count is the number of values that the request has under a key.
func (e *evaluation) count(k key) int {
	r := e.request
	present := false
	switch k.info().kind {
	case textValue, tagValue, arnValue:
		if k.info().several {
			return len(r.Caller.OrgPaths)
		}
		_, present = e.text(k, 0)
	case dateValue, epochValue:
		_, present = e.date(k)
	case numberValue:
		present = r.Caller.MFA == MFAUsed
	case booleanValue:
		_, present = e.truth(k)
	case addressValue:
		present = e.address(k).IsValid()
	}
	return index(present)
}

// text is the i-th value of a key that holds text.
func (e *evaluation) text(k key, i int) (string, bool) {
	r, text := e.request, ""
	switch k.id {
	case keyReferer:
		text = r.Referer
	case keySourceARN:
		text = r.SourceARN
	case keySourceVPC:
		text = r.SourceVPC
	case keySourceVPCE:
		text = r.SourceVPCE
	case keyUserAgent:
		text = r.UserAgent
	case keyPrincipalAccount:
		text = r.Caller.account()
	case keyPrincipalARN:
		text = r.Caller.principalARN()
	case keyPrincipalOrgID:
		text = r.Caller.OrgID
	case keyPrincipalOrgPaths:
		return r.Caller.OrgPaths[i], true
	case keyPrincipalTag:
		for j := range r.Caller.Tags {
			if strings.EqualFold(r.Caller.Tags[j].Key, k.tag) {
				// A tag may be empty and yet be there.
				return r.Caller.Tags[j].Value, true
			}
		}
	case keyPrincipalType:
		text = r.Caller.Type
	case keyUserID:
		text = r.Caller.UserID
	case keyUserName:
		text = r.Caller.UserName
	}
	return text, text != ""
}

// principalARN is the role's of a session, as IAM has it.
func (c *Caller) principalARN() string {
	if c.RoleARN != "" {
		return c.RoleARN
	}
	parts, ok := splitARN(c.ARN)
	if name, session := strings.CutPrefix(parts[resourcePart], "assumed-role/"); ok && session && parts[servicePart] == "sts" {
		name, _, _ = strings.Cut(name, "/")
		return "arn:" + parts[partitionPart] + ":iam::" + parts[accountPart] + ":role/" + name
	}
	return c.ARN
}

// date is cut to the second, which is what Amazon compares.
func (e *evaluation) date(k key) (time.Time, bool) {
	date := e.request.Time
	if k.id == keyTokenIssueTime {
		date = e.request.Caller.TokenIssueTime
	}
	return date.Truncate(time.Second), !date.IsZero()
}

func (e *evaluation) truth(k key) (truth, present bool) {
	if k.id == keySecureTransport {
		return e.request.SecureTransport, true
	}
	return e.request.Caller.MFA == MFAUsed, e.request.Caller.MFA != MFAUnknown
}

// address is compared as IPv4 if it is one, however the connection spelt it.
func (e *evaluation) address(k key) netip.Addr {
	addr := e.request.SourceIP
	if k.id == keyVPCSourceIP {
		addr = e.request.VPCSourceIP
	}
	return addr.Unmap().WithZone("")
}

// render is the value of a key as text.
func (e *evaluation) render(k key) (string, bool) {
	switch k.info().kind {
	case dateValue:
		date, ok := e.date(k)
		return date.UTC().Format(time.RFC3339), ok
	case epochValue:
		date, ok := e.date(k)
		return strconv.FormatInt(date.Unix(), 10), ok
	case numberValue:
		return strconv.FormatInt(int64(e.request.Caller.MFAAge/time.Second), 10), e.request.Caller.MFA == MFAUsed
	case booleanValue:
		truth, ok := e.truth(k)
		return strconv.FormatBool(truth), ok
	case addressValue:
		addr := e.address(k)
		return addr.String(), addr.IsValid()
	}
	return e.text(k, 0)
}
