package iampolicy

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

const annARN = "arn:aws:iam::111122223333:user/ann"

// signed is a request of a user with all there is to know about a caller.
func signed() Request {
	return Request{
		Action: Invoke, Resource: testAPI.MethodARN("prod", "GET", "/pets/7"),
		Time: time.Date(2026, 3, 12, 19, 3, 58, 400e6, time.FixedZone("", 3600)), SourceIP: netip.MustParseAddr("203.0.113.9"), SecureTransport: true,
		Referer: "https://example.com/a?b", UserAgent: "curl/8", SourceARN: "arn:aws:sns:eu-west-1:111122223333:topic",
		SourceVPC: "vpc-1", SourceVPCE: "vpce-1", VPCSourceIP: netip.MustParseAddr("10.0.0.7"),
		Caller: Caller{
			ARN: annARN, Type: "User", UserID: "AIDAANN", UserName: "ann", OrgID: "o-1", OrgPaths: []string{"o-1/r-1/ou-a/", "o-1/r-1/ou-b/"},
			Tags:           []Tag{{"Team", "blue"}, {"level", "7"}, {"since", "2020-01-01"}, {"temp", "true"}, {"from", "10.1.2.3"}, {"none", ""}},
			TokenIssueTime: time.Date(2026, 3, 12, 17, 0, 0, 0, time.UTC), MFA: MFAUsed, MFAAge: 90 * time.Second,
		},
	}
}

// anonymous is a request without anything that only some requests have.
func anonymous() Request {
	return Request{Action: Invoke, Resource: testAPI.MethodARN("prod", "GET", "/pets/7")}
}

func TestConditions(t *testing.T) {
	// bare tells what the condition is of a request that lacks the key.
	tests := []struct {
		condition string
		holds     bool
		bare      bool
	}{
		{`"StringEquals": {"aws:username": "ann"}`, true, false},
		{`"StringEquals": {"aws:username": ["bob", "ann"]}`, true, false},
		{`"StringEquals": {"aws:username": "Ann"}`, false, false},
		{`"StringEquals": {"aws:username": "a*"}`, false, false},
		{`"StringEquals": {"AWS:UserName": "ann"}`, true, false},
		{`"StringNotEquals": {"aws:username": "ann"}`, false, true},
		{`"StringNotEquals": {"aws:username": ["bob", "ann"]}`, false, true},
		{`"StringNotEquals": {"aws:username": ["bob", "eve"]}`, true, true},
		{`"StringEqualsIgnoreCase": {"aws:username": "ANN"}`, true, false},
		{`"StringNotEqualsIgnoreCase": {"aws:username": "ANN"}`, false, true},
		{`"StringLike": {"aws:Referer": "https://*.com/?[?]b"}`, false, false},
		{`"StringLike": {"aws:Referer": "https://*.com/??b"}`, true, false},
		{`"StringLike": {"aws:Referer": "https://*.com/a${?}b"}`, true, false},
		{`"StringLike": {"aws:Referer": "https://*.COM/*"}`, false, false},
		{`"StringNotLike": {"aws:Referer": "https://*"}`, false, true},
		{`"StringLike": {"aws:UserAgent": ["wget/*", "curl/?"]}`, true, false},
		{`"StringEquals": {"aws:userid": "AIDAANN", "aws:PrincipalType": "User"}`, true, false},
		{`"StringEquals": {"aws:userid": "AIDAANN", "aws:PrincipalType": "Account"}`, false, false},
		{`"StringEquals": {"aws:userid": "AIDAANN"}, "StringLike": {"aws:username": "b*"}`, false, false},
		{`"StringEquals": {"aws:SourceVpc": "vpc-1", "aws:SourceVpce": "vpce-1", "aws:PrincipalOrgID": "o-1", "aws:PrincipalAccount": "111122223333"}`, true, false},
		{`"StringEquals": {"aws:PrincipalTag/team": "blue"}`, true, false},
		{`"StringEquals": {"aws:PrincipalTag/none": ""}`, true, false},
		{`"StringEquals": {"aws:MultiFactorAuthPresent": "true"}`, true, false},
		{`"StringEqualsIfExists": {"aws:username": "bob"}`, false, true},
		{`"StringEqualsIfExists": {"aws:username": "ann"}`, true, true},
		{`"StringNotEqualsIfExists": {"aws:username": "ann"}`, false, true},
		{`"StringLikeIfExists": {"aws:SourceVpce": ["vpce-2"]}`, false, true},

		{`"NumericEquals": {"aws:MultiFactorAuthAge": 90}`, true, false},
		{`"NumericEquals": {"aws:MultiFactorAuthAge": "90.0"}`, true, false},
		{`"NumericNotEquals": {"aws:MultiFactorAuthAge": 90}`, false, true},
		{`"NumericNotEquals": {"aws:MultiFactorAuthAge": [91, "-5"]}`, true, true},
		{`"NumericLessThan": {"aws:MultiFactorAuthAge": 90}`, false, false},
		{`"NumericLessThan": {"aws:MultiFactorAuthAge": 90.5}`, true, false},
		{`"NumericLessThanEquals": {"aws:MultiFactorAuthAge": 90}`, true, false},
		{`"NumericGreaterThan": {"aws:MultiFactorAuthAge": 90}`, false, false},
		{`"NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": [100, 90]}`, true, false},
		{`"NumericGreaterThan": {"aws:EpochTime": 1773338637}`, true, false},
		{`"NumericEquals": {"aws:EpochTime": 1773338638}`, true, false},
		{`"NumericLessThanIfExists": {"aws:MultiFactorAuthAge": 60}`, false, true},
		{`"NumericLessThan": {"aws:PrincipalTag/level": 8}`, true, false},
		{`"NumericLessThan": {"aws:PrincipalTag/team": 8}`, false, false},
		{`"NumericNotEquals": {"aws:PrincipalTag/team": 8}`, true, true},

		{`"DateEquals": {"aws:CurrentTime": "2026-03-12T18:03:58Z"}`, true, false},
		{`"DateEquals": {"aws:CurrentTime": "2026-03-12T19:03:58+01:00"}`, true, false},
		{`"DateEquals": {"aws:EpochTime": "1773338638"}`, true, false},
		{`"DateNotEquals": {"aws:CurrentTime": "2026-03-12T18:03:58Z"}`, false, true},
		{`"DateLessThan": {"aws:CurrentTime": "2026-03-12T18:03:58Z"}`, false, false},
		{`"DateLessThan": {"aws:CurrentTime": "2026-03-12T18:03:58.5Z"}`, true, false},
		{`"DateLessThanEquals": {"aws:CurrentTime": "2026-03-12T18:03:58Z"}`, true, false},
		{`"DateGreaterThan": {"aws:CurrentTime": "2026-03-12T18:03Z"}`, true, false},
		{`"DateGreaterThan": {"aws:CurrentTime": ["2026-04", "2026-03-12"]}`, true, false},
		{`"DateGreaterThanEquals": {"aws:TokenIssueTime": "2026-03-12T17:00:00Z"}`, true, false},
		{`"DateGreaterThan": {"aws:TokenIssueTime": "2026-03-12T17:00:00Z"}`, false, false},
		{`"DateLessThan": {"aws:PrincipalTag/since": "2021-01-01"}`, true, false},

		{`"Bool": {"aws:MultiFactorAuthPresent": true}`, true, false},
		{`"Bool": {"aws:MultiFactorAuthPresent": "False"}`, false, false},
		{`"Bool": {"aws:MultiFactorAuthPresent": [true, false]}`, true, false},
		{`"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}`, false, true},
		{`"Bool": {"aws:SecureTransport": "true"}`, true, false},
		{`"Bool": {"aws:SecureTransport": "false"}`, false, true},
		{`"Bool": {"aws:PrincipalTag/temp": true}`, true, false},

		{`"BinaryEquals": {"aws:username": "YW5u"}`, true, false},
		{`"BinaryEquals": {"aws:username": "Ym9i"}`, false, false},

		{`"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}`, true, false},
		{`"IpAddress": {"aws:SourceIp": "203.0.113.77/24"}`, true, false},
		{`"IpAddress": {"aws:SourceIp": "203.0.113.9"}`, true, false},
		{`"IpAddress": {"aws:SourceIp": "203.0.113.8"}`, false, false},
		{`"IpAddress": {"aws:SourceIp": "::ffff:203.0.113.0/120"}`, true, false},
		{`"IpAddress": {"aws:SourceIp": "::/0"}`, false, false},
		{`"IpAddress": {"aws:SourceIp": ["2001:db8::/32", "0.0.0.0/0"]}`, true, false},
		{`"NotIpAddress": {"aws:SourceIp": ["198.51.100.0/24", "203.0.113.0/24"]}`, false, true},
		{`"NotIpAddress": {"aws:SourceIp": ["198.51.100.0/24"]}`, true, true},
		{`"IpAddressIfExists": {"aws:SourceIp": ["198.51.100.0/24"]}`, false, true},
		{`"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}`, true, false},
		{`"IpAddress": {"aws:PrincipalTag/from": "10.1.0.0/16"}`, true, false},

		{`"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/ann"}`, true, false},
		{`"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:user/?nn"}`, true, false},
		{`"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:USER/ann"}`, false, false},
		{`"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}`, true, false},
		{`"ArnLike": {"aws:SourceArn": "arn:*:*:*:*:${aws:PrincipalTag/topic, 'topic'}"}`, true, false},
		{`"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/ann"}`, false, true},
		{`"ArnNotLike": {"aws:SourceArn": "arn:aws:sqs:*:*:*"}`, true, true},
		{`"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*/ann"}`, true, false},
		{`"ArnLike": {"aws:PrincipalTag/team": "arn:*:*:*:*:*"}`, false, false},

		{`"Null": {"aws:TokenIssueTime": "true"}`, false, true},
		{`"Null": {"aws:TokenIssueTime": "false"}`, true, false},
		{`"Null": {"aws:MultiFactorAuthAge": ["true", "false"]}`, true, true},
		{`"Null": {"aws:PrincipalOrgPaths": "true"}`, false, true},
		{`"Null": {"aws:SecureTransport": "true"}`, false, false},

		// Request values are "o-1/r-1/ou-a/" and "o-1/r-1/ou-b/".
		{`"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}`, true, true},
		{`"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": ["o-1/r-1/ou-a/"]}`, false, true},
		{`"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": ["o-1/r-1/ou-a/", "o-1/r-1/ou-b/"]}`, true, true},
		{`"ForAllValues:StringNotEquals": {"aws:PrincipalOrgPaths": ["o-1/r-1/ou-a/"]}`, false, true},
		{`"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": ["o-2/*"]}`, true, true},
		{`"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": ["o-1/r-1/ou-b/", "x"]}`, true, false},
		{`"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-2/*"}`, false, false},
		{`"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgPaths": ["o-1/r-1/ou-a/"]}`, true, false},
		{`"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": ["o-1/*"]}`, false, false},
		{`"ForAnyValue:StringLikeIfExists": {"aws:PrincipalOrgPaths": "o-2/*"}`, false, true},
		{`"ForAllValues:StringEqualsIfExists": {"aws:PrincipalOrgPaths": "x"}`, false, true},
		{`"ForAnyValue:StringEquals": {"aws:username": "ann"}`, true, false},
		{`"ForAllValues:StringEquals": {"aws:username": "ann"}`, true, true},

		// A value whose variable is missing matches nothing, negated or not.
		{`"StringEquals": {"aws:username": "${aws:username}"}`, true, false},
		{`"StringEquals": {"aws:Referer": "https://example.com/a?${aws:PrincipalTag/x, 'b'}"}`, true, false},
		{`"StringNotEquals": {"aws:username": "${aws:PrincipalTag/gone}"}`, false, true},
		{`"StringNotEquals": {"aws:username": ["${aws:PrincipalTag/gone}", "ann"]}`, false, true},
		{`"StringEquals": {"aws:username": ["${aws:PrincipalTag/gone}", "ann"]}`, true, false},
		{`"StringEqualsIgnoreCase": {"aws:PrincipalTag/team": "${aws:PrincipalTag/gone, 'BL'}ue"}`, true, false},
		{`"ArnNotLike": {"aws:SourceArn": "arn:*:*:*:*:${aws:PrincipalTag/gone}"}`, false, true},
		{`"StringLike": {"aws:Referer": "*${aws:SourceIp, '/'}*"}`, false, false},
		{`"StringLike": {"aws:Referer": "${aws:CurrentTime}${aws:EpochTime}${aws:MultiFactorAuthAge}${aws:SecureTransport}"}`, false, false},
	}
	for _, tt := range tests {
		p := mustParse(t, statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {`+tt.condition+`}`), resourceOptions())
		full, bare := signed(), anonymous()
		if got := p.Evaluate(&full).Effect == Allow; got != tt.holds {
			t.Errorf("%s: %v, want %v", tt.condition, got, tt.holds)
		}
		if got := p.Evaluate(&bare).Effect == Allow; got != tt.bare {
			t.Errorf("%s of a request without the key: %v, want %v", tt.condition, got, tt.bare)
		}
	}
}

func TestConditionKeysOfAddresses(t *testing.T) {
	p := mustParse(t, statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*",
		"Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32", "::ffff:192.0.2.1"]}}`), resourceOptions())
	for addr, want := range map[string]Effect{
		"203.0.113.9": Allow, "::ffff:203.0.113.9": Allow, "192.0.2.1": Allow, "192.0.2.2": Neither,
		"2001:db8::1": Allow, "2001:db8::1%eth0": Allow, "2001:db9::1": Neither, "::cb00:7109": Neither,
	} {
		r := anonymous()
		r.SourceIP = netip.MustParseAddr(addr)
		if d := p.Evaluate(&r); d.Effect != want {
			t.Errorf("%s: %v, want %v", addr, d, want)
		}
	}
}

func TestResources(t *testing.T) {
	own := "arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef"
	tests := []struct {
		element, resource string
		path              string // of GET in prod, or a whole ARN
		want              bool
	}{
		{"Resource", "*", "/pets", true},
		{"Resource", "*", "no ARN", true},
		{"Resource", own + "/*", "no ARN", false},
		{"Resource", own + "/prod/GET/pets", "/pets", true},
		{"Resource", own + "/prod/GET/pets", "/pets/", false},
		{"Resource", own + "/prod/GET/pets", "/Pets", false},
		{"Resource", own + "/prod/GET/", "/", true},
		{"Resource", own + "/prod/GET/*", "/", true},
		{"Resource", own + "/prod/GET/*", "/a/b:c", true},
		{"Resource", own + "/*/GET/*/c", "/a/b/c", true},
		{"Resource", own + "/prod/get/*", "/a", false},
		{"Resource", own + "/prod/?ET/a?c", "/abc", true},
		{"Resource", own + "/prod/?ET/a?c", "/ac", false},
		{"Resource", own + "/prod/GET/a?c", "/aäc", true},
		{"Resource", "execute-api:/*", "/a", true},
		{"Resource", "execute-api:/prod/*", "/a", true},
		{"Resource", "execute-api:/prod/GET/pets/*", "/pets/7", true},
		{"Resource", "execute-api:/beta/GET/pets/*", "/pets/7", false},
		{"Resource", "execute-api:/prod/POST/*", "/pets/7", false},
		{"Resource", "execute-api:/*", "arn:aws:execute-api:eu-west-1:111122223333:other/prod/GET/", false},
		{"Resource", "arn:aws:execute-api:*:*:ab12cd34ef/*", "/a", true},
		{"Resource", "arn:aws:execute-api:*:*:*", "/a", true},
		{"Resource", "arn:aws:execute-api:*", "/a", true},
		{"Resource", "arn:aws:execute-api:eu-*", "/a", true},
		{"Resource", "arn:aws:execute-api:eu-west-1:1111*", "/a", true},
		// A colon in a path doesn't move the parts of the ARN.
		{"Resource", "arn:aws:execute-api:*:*:ab12cd34ef/prod/GET/open", "arn:aws:execute-api:eu-west-1:111122223333:other/prod/GET/:1:ab12cd34ef/prod/GET/open", false},
		{"Resource", "execute-api:/prod/GET/${aws:username}/*", "/ann/x", true},
		{"Resource", "execute-api:/prod/GET/${aws:username}/*", "/bob/x", false},
		{"Resource", "execute-api:/prod/GET/${aws:PrincipalTag/star}", "/anything", false},
		{"Resource", "execute-api:/prod/GET/${aws:PrincipalTag/star}", "/a*", true},
		{"Resource", "execute-api:/prod/GET/${*}${?}${$}", "/*?$", true},
		{"Resource", "execute-api:/prod/GET/$x${aws:userid}", "/$x", false},
		{"NotResource", "execute-api:/prod/GET/pets", "/pets", false},
		{"NotResource", "execute-api:/prod/GET/pets", "/dogs", true},
		{"NotResource", "execute-api:/prod/GET/${aws:username}", "/bob", true},
		{"NotResource", "execute-api:/prod/GET/${aws:userid}", "/bob", false},
	}
	for _, tt := range tests {
		p := mustParse(t, statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*", "`+tt.element+`": ["`+tt.resource+`"]`), resourceOptions())
		r := Request{Action: Invoke, Resource: tt.path, Caller: Caller{UserName: "ann", Tags: []Tag{{"star", "a*"}}}}
		if strings.HasPrefix(tt.path, "/") {
			r.Resource = testAPI.MethodARN("prod", "GET", tt.path)
		}
		if got := p.Evaluate(&r).Effect == Allow; got != tt.want {
			t.Errorf("%s %s of %s: %v, want %v", tt.element, tt.resource, tt.path, got, tt.want)
		}
	}
}

func TestActions(t *testing.T) {
	for _, tt := range []struct {
		element, action, of string
		want                bool
	}{
		{"Action", "*", Invoke, true},
		{"Action", "*:*", Invoke, true},
		{"Action", "execute-api:*", ManageConnections, true},
		{"Action", "execute-api:invoke", Invoke, true},
		{"Action", "Execute-API:Inv?ke", Invoke, true},
		{"Action", "execute-api:Invo*", InvalidateCache, false},
		{"Action", "execute-api:In*", InvalidateCache, true},
		{"Action", "execute-api:Invoke", "EXECUTE-API:INVOKE", true},
		{"Action", "apigateway:GET", "apigateway:get", true},
		{"NotAction", "execute-api:Invoke", Invoke, false},
		{"NotAction", "execute-api:Invoke", ManageConnections, true},
	} {
		p := mustParse(t, statementWith(`"Effect": "Allow", "`+tt.element+`": "`+tt.action+`", "Resource": "*"`), Options{Kind: IdentityPolicy})
		if got := p.Evaluate(&Request{Action: tt.of}).Effect == Allow; got != tt.want {
			t.Errorf("%s %s of %s: %v, want %v", tt.element, tt.action, tt.of, got, tt.want)
		}
	}
}

func TestPrincipals(t *testing.T) {
	user := Caller{ARN: annARN}
	root := Caller{ARN: "arn:aws:iam::111122223333:root"}
	session := Caller{ARN: "arn:aws:sts::111122223333:assumed-role/ci/run-7"}
	deepSession := Caller{ARN: session.ARN, RoleARN: "arn:aws:iam::111122223333:role/team/ci"}
	event := Caller{Service: "events.amazonaws.com"}
	federated := Caller{ARN: session.ARN, Federated: "accounts.google.com"}
	const yes, no, delegated = "yes", "no", "delegated"
	tests := []struct {
		element, value string
		caller         Caller
		want           string
	}{
		{"Principal", `"*"`, Caller{}, yes},
		{"Principal", `{"AWS": "*"}`, Caller{}, yes},
		{"Principal", `{"AWS": "*"}`, user, yes},
		{"Principal", `{"AWS": "111122223333"}`, Caller{}, no},
		{"Principal", `{"AWS": "111122223333"}`, user, delegated},
		{"Principal", `{"AWS": "111122223333"}`, Caller{Account: "111122223333"}, delegated},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:root"}`, session, delegated},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:root"}`, root, yes},
		{"Principal", `{"AWS": "999999999999"}`, user, no},
		{"Principal", `{"AWS": "` + annARN + `"}`, user, yes},
		{"Principal", `{"AWS": ["111122223333", "` + annARN + `"]}`, user, yes},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:user/Ann"}`, user, no},
		{"Principal", `{"AWS": "` + session.ARN + `"}`, session, yes},
		{"Principal", `{"AWS": "arn:aws:sts::111122223333:assumed-role/ci/run-8"}`, session, no},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:role/ci"}`, session, yes},
		{"Principal", `{"AWS": "arn:aws:iam::999999999999:role/ci"}`, session, no},
		{"Principal", `{"AWS": "arn:aws-cn:iam::111122223333:role/ci"}`, session, no},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:role/team/ci"}`, session, no},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:role/team/ci"}`, deepSession, yes},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:role/ci"}`, deepSession, no},
		{"Principal", `{"AWS": "arn:aws:iam::111122223333:user/ci"}`, session, no},
		{"Principal", `{"Service": "events.amazonaws.com"}`, event, yes},
		{"Principal", `{"Service": "events.amazonaws.com"}`, Caller{}, no},
		{"Principal", `{"Federated": "accounts.google.com"}`, federated, yes},
		{"Principal", `{"Federated": "accounts.google.com"}`, session, no},
		// NotPrincipal only denies, so yes is a denial.
		{"NotPrincipal", `{"AWS": "` + annARN + `"}`, user, no},
		{"NotPrincipal", `{"AWS": "` + annARN + `"}`, session, yes},
		{"NotPrincipal", `{"AWS": "` + annARN + `"}`, Caller{}, yes},
		{"NotPrincipal", `{"AWS": ["` + annARN + `", "111122223333"]}`, Caller{ARN: "arn:aws:iam::111122223333:user/bob"}, yes},
		{"NotPrincipal", `{"AWS": "111122223333"}`, root, no},
		{"NotPrincipal", `{"AWS": "arn:aws:iam::111122223333:role/ci"}`, session, yes},
		{"NotPrincipal", `{"AWS": "` + session.ARN + `"}`, session, no},
		{"NotPrincipal", `{"Service": "events.amazonaws.com"}`, event, no},
		{"NotPrincipal", `{"Federated": "accounts.google.com"}`, federated, no},
	}
	for _, tt := range tests {
		effect := "Allow"
		if tt.element == "NotPrincipal" {
			effect = "Deny"
		}
		p := mustParse(t, statementWith(`"Effect": "`+effect+`", "`+tt.element+`": `+tt.value+`, "Action": "*", "Resource": "*"`), resourceOptions())
		d := p.Evaluate(&Request{Action: Invoke, Caller: tt.caller})
		got := no
		switch {
		case d.Delegated:
			got = delegated
		case d.Effect != Neither:
			got = yes
		}
		if got != tt.want {
			t.Errorf("%s %s of %+v: %s, want %s", tt.element, tt.value, tt.caller, got, tt.want)
		}
	}
}

func TestPrincipalARNOfSessions(t *testing.T) {
	p := mustParse(t, statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*",
		"Condition": {"ArnEquals": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/ci", "arn:aws:iam::111122223333:role/team/ci"]}}`), resourceOptions())
	for _, c := range []Caller{
		{ARN: "arn:aws:sts::111122223333:assumed-role/ci/run-7"},
		{ARN: "arn:aws:sts::111122223333:assumed-role/ci/run-7", RoleARN: "arn:aws:iam::111122223333:role/team/ci"},
	} {
		if d := p.Evaluate(&Request{Caller: c}); d.Effect != Allow {
			t.Errorf("%+v: %v", c, d)
		}
	}
}

func TestDecision(t *testing.T) {
	p := mustParse(t, `{"Version": "2012-10-17", "Statement": [
		{"Sid": "account", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "*", "Resource": "execute-api:/prod/*"},
		{"Sid": "ann", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}, "Action": "*", "Resource": "execute-api:/prod/GET/*"},
		{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "execute-api:/prod/GET/*"},
		{"Sid": "office", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "execute-api:/prod/GET/admin*"}]}`, resourceOptions())
	for _, tt := range []struct {
		arn, caller, want string
	}{
		{testAPI.MethodARN("prod", "POST", "/pets"), annARN, "allow by Statement[0] (account), by way of the account"},
		{testAPI.MethodARN("prod", "GET", "/pets"), annARN, "allow by Statement[1] (ann)"},
		{testAPI.MethodARN("prod", "GET", "/pets"), "", "allow by Statement[2]"},
		{testAPI.MethodARN("prod", "GET", "/administer"), annARN, "deny by Statement[3] (office)"},
		{testAPI.MethodARN("prod", "POST", "/pets"), "", "neither allow nor deny"},
	} {
		if d := p.Evaluate(&Request{Action: Invoke, Resource: tt.arn, Caller: Caller{ARN: tt.caller}}); d.String() != tt.want {
			t.Errorf("%s by %q: %s, want %s", tt.arn, tt.caller, d, tt.want)
		}
	}
	if p.Version() != "2012-10-17" || p.ID() != "" {
		t.Errorf("version %q, ID %q", p.Version(), p.ID())
	}
}

func TestEvaluateAll(t *testing.T) {
	identity := func(effect, path string) *Policy {
		return mustParse(t, statementWith(`"Effect": "`+effect+`", "Action": "*", "Resource": "arn:aws:execute-api:*:*:*/prod/GET/`+path+`"`), Options{Kind: IdentityPolicy})
	}
	all := []*Policy{identity("Allow", "pets"), identity("Allow", "*"), identity("Deny", "admin")}
	for path, want := range map[string]struct {
		effect Effect
		policy int
	}{"/pets": {Allow, 0}, "/dogs": {Allow, 1}, "/admin": {Deny, 2}} {
		d, policy := EvaluateAll(all, &Request{Action: Invoke, Resource: testAPI.MethodARN("prod", "GET", path)})
		if d.Effect != want.effect || policy != want.policy {
			t.Errorf("%s: %v of policy %d, want %v of %d", path, d, policy, want.effect, want.policy)
		}
	}
	if d, policy := EvaluateAll(nil, &Request{}); d.Effect != Neither || d.Statement != -1 || policy != -1 {
		t.Errorf("no policies: %v of %d", d, policy)
	}
}
