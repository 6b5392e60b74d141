package iampolicy

import "strings"

// keyID is a condition key. The keys are those that Amazon documents for API Gateway;
// no other would ever be in a request.
type keyID int

const (
	keyCurrentTime keyID = iota
	keyEpochTime
	keyReferer
	keySecureTransport
	keySourceARN
	keySourceIP
	keySourceVPC
	keySourceVPCE
	keyVPCSourceIP
	keyUserAgent
	keyTokenIssueTime
	keyMFAAge
	keyMFAPresent
	keyPrincipalAccount
	keyPrincipalARN
	keyPrincipalOrgID
	keyPrincipalOrgPaths
	keyPrincipalTag
	keyPrincipalType
	keyUserID
	keyUserName
)

// valueKind is what a request has under a key; it decides which operators make sense.
type valueKind int

const (
	textValue valueKind = iota
	// tagValue is text that may stand for anything.
	tagValue
	arnValue
	dateValue
	// epochValue is a date as well as a number.
	epochValue
	numberValue
	booleanValue
	addressValue
)

type keyInfo struct {
	name string
	kind valueKind
	// several values may be in one request.
	several bool
}

var keys = [...]keyInfo{
	keyCurrentTime:       {name: "aws:CurrentTime", kind: dateValue},
	keyEpochTime:         {name: "aws:EpochTime", kind: epochValue},
	keyReferer:           {name: "aws:Referer"},
	keySecureTransport:   {name: "aws:SecureTransport", kind: booleanValue},
	keySourceARN:         {name: "aws:SourceArn", kind: arnValue},
	keySourceIP:          {name: "aws:SourceIp", kind: addressValue},
	keySourceVPC:         {name: "aws:SourceVpc"},
	keySourceVPCE:        {name: "aws:SourceVpce"},
	keyVPCSourceIP:       {name: "aws:VpcSourceIp", kind: addressValue},
	keyUserAgent:         {name: "aws:UserAgent"},
	keyTokenIssueTime:    {name: "aws:TokenIssueTime", kind: dateValue},
	keyMFAAge:            {name: "aws:MultiFactorAuthAge", kind: numberValue},
	keyMFAPresent:        {name: "aws:MultiFactorAuthPresent", kind: booleanValue},
	keyPrincipalAccount:  {name: "aws:PrincipalAccount"},
	keyPrincipalARN:      {name: "aws:PrincipalArn", kind: arnValue},
	keyPrincipalOrgID:    {name: "aws:PrincipalOrgID"},
	keyPrincipalOrgPaths: {name: "aws:PrincipalOrgPaths", several: true},
	keyPrincipalTag:      {name: "aws:PrincipalTag/", kind: tagValue},
	keyPrincipalType:     {name: "aws:PrincipalType"},
	keyUserID:            {name: "aws:userid"},
	keyUserName:          {name: "aws:username"},
}

// key is a condition key as a policy names it.
type key struct {
	id keyID
	// tag of aws:PrincipalTag/tag.
	tag string
}

func (k key) info() *keyInfo { return &keys[k.id] }

// findKey looks a name up; names of keys, and of tags in them, ignore case.
func findKey(name string) (key, bool) {
	tags := keys[keyPrincipalTag].name
	if len(name) > len(tags) && strings.EqualFold(name[:len(tags)], tags) {
		return key{keyPrincipalTag, name[len(tags):]}, true
	}
	for id := range keys {
		if keyID(id) != keyPrincipalTag && strings.EqualFold(keys[id].name, name) {
			return key{id: keyID(id)}, true
		}
	}
	return key{}, false
}
