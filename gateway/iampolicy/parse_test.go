package iampolicy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testAPI = API{Region: "eu-west-1", Account: "111122223333", ID: "ab12cd34ef"}

// mustParse reads a policy that has no problems, warnings aside.
func mustParse(t testing.TB, text string, o Options) *Policy {
	t.Helper()
	p, problems := Parse([]byte(text), o)
	if p == nil {
		t.Fatalf("%s\n%v", text, problems)
	}
	return p
}

func resourceOptions() Options { return Options{Kind: ResourcePolicy, API: testAPI} }

// statementWith is a resource policy of one statement with more elements.
func statementWith(elements string) string {
	return `{"Version": "2012-10-17", "Statement": [{` + elements + `}]}`
}

func TestAccepted(t *testing.T) {
	tests := map[string]struct {
		text string
		kind Kind
	}{
		"the example of the guide": {text: `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
			{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*",
			 "Condition": {"NotIpAddress": {"aws:SourceIp": ["198.51.100.0/24"]}}}]}`},
		"one statement without a list, old version": {text: `{"Version": "2008-10-17", "Id": "x", "Statement":
			{"Sid": "a b", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["execute-api:*"], "Resource": ["*"]}}`},
		"no version": {text: `{"Statement": {"Effect": "Deny", "Principal": {"*": "*"}, "NotAction": "*:*", "NotResource": "execute-api:/prod/GET/"}}`},
		"all kinds of principals": {text: statementWith(`"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {
			"AWS": ["111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/dev/ann", "arn:aws:iam::111122223333:role/ci",
			        "arn:aws:sts::111122223333:assumed-role/ci/run-7", "arn:aws-cn:sts::111122223333:federated-user/bob"],
			"Service": "events.amazonaws.com", "Federated": ["cognito-identity.amazonaws.com", "arn:aws:iam::111122223333:saml-provider/idp"]}`)},
		"a list of principals": {text: statementWith(`"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": ["111122223333", "*"]`)},
		"letter case where it does not matter": {text: statementWith(`"Effect": "Allow", "Principal": "*", "Action": "EXECUTE-API:invoke", "Resource": "*",
			"Condition": {"foranyvalue:stringlikeIFEXISTS": {"AWS:principalorgpaths": "o-1/*"}, "bool": {"aws:SECURETRANSPORT": true}}`)},
		"values that are not texts": {text: statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*",
			"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}, "Null": {"aws:Referer": false}, "DateLessThan": {"aws:EpochTime": [1893456000]}}`)},
		"one resource of this API among those of others": {text: statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*",
			"Resource": ["arn:aws:execute-api:eu-west-1:111122223333:other/*", "arn:aws:execute-api:*:*:ab*/*"]`)},
		"short patterns": {text: statementWith(`"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": [
			"arn:aws:execute-api:*", "arn:aws:execute-api:eu-*", "arn:aws:execute-api:*:*", "arn:aws:execute-api:eu-west-1:1111*"]`)},
		"an authorizer's": {kind: AuthorizerPolicy, text: `{"Version": "2012-10-17", "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow",
			"Resource": "arn:aws:execute-api:*:*:ab12cd34ef/prod/*/orders/*"}]}`},
		"an identity's with other services": {kind: IdentityPolicy, text: `{"Version": "2012-10-17", "Statement": [{"Sid": "S3", "Action": ["s3:Get*", "execute-api:Invoke"],
			"Effect": "Allow", "Resource": ["arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:execute-api:*:*:*/prod/GET/${aws:PrincipalTag/team, 'no}ne'}"]}]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if p, problems := Parse([]byte(tt.text), Options{Kind: tt.kind, API: testAPI}); p == nil || len(problems) > 0 {
				t.Errorf("%v", problems)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	const good = `"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"`
	condition := func(c string) string { return statementWith(good + `, "Condition": ` + c) }
	replaced := func(element, value string) string {
		return statementWith(strings.NewReplacer(`"`+element+`": "*"`, value).Replace(good))
	}
	tests := map[string]struct {
		text    string
		options Options
		// want has, for each problem, "path | what stands there | message", the latter
		// two as beginnings.
		want []string
	}{
		"nothing":        {text: ``, want: []string{" |  | the policy is not JSON: unexpected end"}},
		"not closed":     {text: `{"Statement": [`, want: []string{" |  | the policy is not JSON: unexpected end"}},
		"comma too many": {text: `{"Statement": [],}`, want: []string{" | } | the policy is not JSON: invalid character '}'"}},
		"two documents":  {text: `{} {}`, want: []string{" | {} | the policy is not JSON: invalid character '{' after"}},
		"a list":         {text: `[]`, want: []string{" | [ | this must be an object, not a list"}},
		"broken UTF-8":   {text: "{\"Id\": \"a\xff\"}", want: []string{" | \xff\" | the policy is not UTF-8"}},
		"half a surrogate pair": {text: `{"Id": "\ud800", "Statement": {` + good + `}}`,
			want: []string{`Id | "\ud800" | the text has half a surrogate pair`}},
		"too deep":   {text: strings.Repeat("[", 20) + strings.Repeat("]", 20), want: []string{"[0][0][0][0][0][0][0][0] | [ | values are nested deeper"}},
		"empty":      {text: `{}`, want: []string{" | {} | the policy has no Statement"}},
		"no entries": {text: `{"Statement": []}`, want: []string{"Statement | [] | the policy has no statements"}},
		"two at once": {text: `{"Statement": {` + good + `}, "Statement": []}`,
			want: []string{`Statement | "Statement": [] | "Statement" stands twice`}},
		"everything at once": {text: `{"version": "2012-10-17", "Version": "2012-10-18", "Statement": [
			{"Sid": 1, "Effect": "allow", "principal": "*", "Principal": {}, "Resource": [], "NotAction": null, "Condition": []}, 7]}`,
			want: []string{
				`version | "version" | unknown element "version"`,
				`Version | "2012-10-18" | "2012-10-18" is no version`,
				`Statement[0].Sid | 1 | this must be text, not a number`,
				`Statement[0].Effect | "allow" | "allow" is neither Allow nor Deny`,
				`Statement[0].principal | "principal" | unknown element`,
				`Statement[0].Principal | {} | no principal is named`,
				`Statement[0].Resource | [] | the list is empty`,
				`Statement[0].NotAction | null | an action must be text or a list of texts, not null`,
				`Statement[0].Condition | [] | this must be an object, not a list`,
				`Statement[1] | 7 | this must be an object, not a number`,
			}},
		"nothing stated": {text: statementWith(``), want: []string{
			"Statement[0] | {} | the statement has no Effect",
			"Statement[0] | {} | the statement has no Action or NotAction",
			"Statement[0] | {} | the statement has no Resource or NotResource",
			"Statement[0] | {} | the statement has no Principal",
		}},
		"elements that exclude each other": {text: statementWith(good + `, "NotAction": "*", "NotResource": "*", "NotPrincipal": "111122223333"`), want: []string{
			`Statement[0] | { | NotPrincipal may only deny`,
			`Statement[0].NotAction | "NotAction" | Action and NotAction exclude`,
			`Statement[0].NotResource | "NotResource" | Resource and NotResource exclude`,
			`Statement[0].NotPrincipal | "NotPrincipal" | Principal and NotPrincipal exclude`,
		}},
		"one name twice": {text: `{"Statement": [{"Sid": "a", ` + good + `}, {"Sid": "a", ` + good + `}]}`,
			want: []string{`Statement[1] | {"Sid" | another statement has the Sid "a", too`}},

		"no such action":             {text: replaced("Action", `"Action": "execute-api:Invok"`), want: []string{`Statement[0].Action | "execute-api:Invok" | there is no action`}},
		"no action at all":           {text: replaced("Action", `"Action": ["Invoke"]`), want: []string{`Statement[0].Action[0] | "Invoke" | "Invoke" is not an action`}},
		"the action of another":      {text: replaced("Action", `"Action": "s3:GetObject"`), want: []string{`Statement[0].Action | "s3:GetObject" | the resource policy of an API cannot decide`}},
		"any action of some service": {text: replaced("Action", `"Action": "*:Invoke"`), want: []string{`Statement[0].Action | "*:Invoke" | "*:Invoke" is not an action`}},

		"other APIs only": {text: replaced("Resource", `"Resource": "arn:aws:execute-api:us-east-1:111122223333:ab12cd34ef/*"`),
			want: []string{`Statement[0].Resource | "arn | the resource has no method of this API`}},
		"no stage": {text: replaced("Resource", `"Resource": ["arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/"]`),
			want: []string{`Statement[0].Resource | [ | the resource has no method of this API`}},
		"no ARN": {text: replaced("Resource", `"Resource": "prod/GET/pets"`), want: []string{`Statement[0].Resource | "prod | "prod/GET/pets" is not an ARN`}},
		"parts that are missing": {text: replaced("Resource", `"Resource": ["arn:aws:execute-api:*:ab12cd34ef/*", "arn:aws:execute-api:*1:*", "arn:aws:execute-api:eu-west-1"]`), want: []string{
			`Statement[0].Resource[0] | "arn | "arn:aws:execute-api:*:ab12cd34ef/*" has fewer than the six parts`,
			`Statement[0].Resource[1] | "arn | "arn:aws:execute-api:*1:*" has fewer`,
			`Statement[0].Resource[2] | "arn | "arn:aws:execute-api:eu-west-1" has fewer`,
		}},
		"any service": {text: replaced("Resource", `"Resource": ["arn:aws:*", "arn:aws:execute-*:*:*:*"]`), want: []string{
			`Statement[0].Resource[0] | "arn | the service of an ARN`, `Statement[0].Resource[1] | "arn | the service of an ARN`}},
		"variables in resources": {text: replaced("Resource", `"Resource": ["arn:aws:execute-api:${aws:username}:*:*", "execute-api:/${aws:x}", "execute-api:/${aws:username", "execute-api:/${aws:PrincipalOrgPaths}",
			"execute-api:/${aws:username, none}", "execute-api:/*${aws:username}????????????????*"]`), want: []string{
			`Statement[0].Resource[0] | "arn | variables may stand only after the fifth colon`,
			`Statement[0].Resource[1] | "exe | the variable ${aws:x} is none of the condition keys`,
			`Statement[0].Resource[2] | "exe | the variable "${aws:username" has no closing brace`,
			`Statement[0].Resource[3] | "exe | the variable ${aws:PrincipalOrgPaths} may have several values`,
			`Statement[0].Resource[4] | "exe | the fallback of the variable ${aws:username, …} must be`,
			`Statement[0].Resource[5] | "exe | too many question marks and variables`,
		}},
		"no API to stand for": {text: replaced("Resource", `"Resource": "execute-api:/*"`), options: Options{MaxCharacters: 1000},
			want: []string{`Statement[0].Resource | "exe | execute-api:/… stands for an API only in the policy attached to it`}},

		"no such principals": {text: replaced("Principal", `"Principal": {"AWS": ["arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:group/dev", "1234", "AIDAEXAMPLE"],
			"Service": "*", "CanonicalUser": "79a5", "aws": "*", "Federated": "*", "*": "all"}`), want: []string{
			`Statement[0].Principal.AWS[0] | "arn | "arn:aws:iam::111122223333:user/*" is not a principal`,
			`Statement[0].Principal.AWS[1] | "arn | "arn:aws:iam::111122223333:group/dev" is not a principal`,
			`Statement[0].Principal.AWS[2] | "1234" | "1234" is not a principal`,
			`Statement[0].Principal.AWS[3] | "AIDA | "AIDAEXAMPLE" is not a principal`,
			`Statement[0].Principal.Service | "*" | "*" is not a service`,
			`Statement[0].Principal.CanonicalUser | "Canon | unknown element "CanonicalUser"`,
			`Statement[0].Principal.aws | "aws" | unknown element "aws"`,
			`Statement[0].Principal.Federated | "*" | "*" is not an identity provider`,
			`Statement[0].Principal["*"] | "all" | "all" is not a principal`,
		}},
		"no one": {text: strings.Replace(replaced("Principal", `"NotPrincipal": "*"`), "Allow", "Deny", 1),
			want: []string{`Statement[0].NotPrincipal | "*" | a statement that is not about everyone`}},

		"conditions that are none": {text: condition(`{"StringMatches": {"aws:Referer": "a"}, "NullIfExists": {"aws:Referer": true}, "ForAnyValue:Null": {"aws:Referer": true},
			"StringEquals": {}, "StringLike": ["a"], "Bool": {"aws:SecureTransport": true, "AWS:SecureTransport": false}, "bool": {"aws:SecureTransport": true}}`), want: []string{
			`Statement[0].Condition.StringMatches | "StringMatches" | "StringMatches" is not a condition operator`,
			`Statement[0].Condition.NullIfExists | "Null | Null takes neither`,
			`Statement[0].Condition["ForAnyValue:Null"] | "ForAny | Null takes neither`,
			`Statement[0].Condition.StringEquals | {} | the operator StringEquals has no keys`,
			`Statement[0].Condition.StringLike | [ | this must be an object, not a list`,
			`Statement[0].Condition.Bool["AWS:SecureTransport"] | "AWS: | the key AWS:SecureTransport stands twice`,
			`Statement[0].Condition.bool | "bool" | the operator bool stands twice`,
		}},
		"keys that are none, or not of a kind": {text: condition(`{"StringEquals": {"aws:ResourceAccount": "1", "aws:PrincipalTag/": "a", "aws:SourceIp": "203.0.113.9", "aws:CurrentTime": "2026", "aws:PrincipalOrgPaths": "a"},
			"IpAddress": {"aws:UserAgent": "10.0.0.0/8"}, "Bool": {"aws:username": "true"}, "NumericEquals": {"aws:PrincipalAccount": 1}}`), want: []string{
			`Statement[0].Condition.StringEquals["aws:ResourceAccount"] | "aws:R | "aws:ResourceAccount" is none of the condition keys`,
			`Statement[0].Condition.StringEquals["aws:PrincipalTag/"] | "aws:P | "aws:PrincipalTag/" is none`,
			`Statement[0].Condition.StringEquals["aws:SourceIp"] | "aws:S | StringEquals cannot compare aws:SourceIp`,
			`Statement[0].Condition.StringEquals["aws:CurrentTime"] | "aws:C | StringEquals cannot compare aws:CurrentTime`,
			`Statement[0].Condition.StringEquals["aws:PrincipalOrgPaths"] | "aws:P | aws:PrincipalOrgPaths may have several values`,
			`Statement[0].Condition.IpAddress["aws:UserAgent"] | "aws:U | IpAddress cannot compare aws:UserAgent`,
			`Statement[0].Condition.Bool["aws:username"] | "aws:u | Bool cannot compare aws:username`,
			`Statement[0].Condition.NumericEquals["aws:PrincipalAccount"] | "aws:P | NumericEquals cannot compare aws:PrincipalAccount`,
		}},
		"values that are none": {text: condition(`{
			"IpAddress": {"aws:SourceIp": ["198.51.100.0/33", "fe80::1%eth0", "::ffff:0:0/90", "203.0.113", null, []]},
			"DateLessThan": {"aws:CurrentTime": ["2026", "1769860800000", "2026-02-30", "2026-01-01T00:00:00", "2026-01-01T00:00:00,5Z", "tomorrow"]},
			"NumericLessThan": {"aws:MultiFactorAuthAge": ["1e3", "0x10", "NaN", ""]},
			"Bool": {"aws:SecureTransport": "yes"}, "Null": {"aws:Referer": "no"}, "BinaryEquals": {"aws:Referer": "a"},
			"ArnLike": {"aws:SourceArn": ["*", "arn:aws:iam::*", "arn:aws:sqs:${aws:username}:1:q"]}, "StringLike": {"aws:Referer": []}}`), want: []string{
			`Statement[0].Condition.IpAddress["aws:SourceIp"][0] | "198 | "198.51.100.0/33" is not an address`,
			`Statement[0].Condition.IpAddress["aws:SourceIp"][1] | "fe8 | "fe80::1%eth0" is not an address`,
			`Statement[0].Condition.IpAddress["aws:SourceIp"][2] | "::f | "::ffff:0:0/90" is a range of IPv4 addresses`,
			`Statement[0].Condition.IpAddress["aws:SourceIp"][3] | "203 | "203.0.113" is not an address`,
			`Statement[0].Condition.IpAddress["aws:SourceIp"][4] | null | a condition's value must be text, not null`,
			`Statement[0].Condition.IpAddress["aws:SourceIp"][5] | [] | a condition's value must be text, not a list`,
			`Statement[0].Condition.DateLessThan["aws:CurrentTime"][0] | "2026" | "2026" may be a year or a time`,
			`Statement[0].Condition.DateLessThan["aws:CurrentTime"][1] | "176 | "1769860800000" lies past the year 9999`,
			`Statement[0].Condition.DateLessThan["aws:CurrentTime"][2] | "2026-02 | "2026-02-30" is not a date`,
			`Statement[0].Condition.DateLessThan["aws:CurrentTime"][3] | "2026-01 | "2026-01-01T00:00:00" is not a date`,
			`Statement[0].Condition.DateLessThan["aws:CurrentTime"][4] | "2026-01 | "2026-01-01T00:00:00,5Z" is not a date`,
			`Statement[0].Condition.DateLessThan["aws:CurrentTime"][5] | "tom | "tomorrow" is not a date`,
			`Statement[0].Condition.NumericLessThan["aws:MultiFactorAuthAge"][0] | "1e3" | "1e3" is not a number`,
			`Statement[0].Condition.NumericLessThan["aws:MultiFactorAuthAge"][1] | "0x10" | "0x10" is not a number`,
			`Statement[0].Condition.NumericLessThan["aws:MultiFactorAuthAge"][2] | "NaN" | "NaN" is not a number`,
			`Statement[0].Condition.NumericLessThan["aws:MultiFactorAuthAge"][3] | "" | "" is not a number`,
			`Statement[0].Condition.Bool["aws:SecureTransport"] | "yes" | "yes" is neither true nor false`,
			`Statement[0].Condition.Null["aws:Referer"] | "no" | "no" is neither true nor false`,
			`Statement[0].Condition.BinaryEquals["aws:Referer"] | "a" | "a" is not base64`,
			`Statement[0].Condition.ArnLike["aws:SourceArn"][0] | "*" | "*" is not an ARN`,
			`Statement[0].Condition.ArnLike["aws:SourceArn"][1] | "arn | an ARN has six parts`,
			`Statement[0].Condition.ArnLike["aws:SourceArn"][2] | "arn | variables may stand only after the fifth colon`,
			`Statement[0].Condition.StringLike["aws:Referer"] | [] | the list is empty`,
		}},

		"principals of an identity, and its name": {options: Options{Kind: IdentityPolicy}, text: `{"Id": "x", "Statement": {"Sid": "a b", ` + good + `}}`, want: []string{
			`Id | "Id" | policies of identities have no Id`,
			`Statement.Sid | "a b" | the Sid "a b" has characters`,
			`Statement.Principal | "Principal" | only the policies of resources name principals`,
		}},
		"shorthand of an authorizer": {options: Options{Kind: AuthorizerPolicy, API: testAPI}, text: `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "execute-api:/*"}}`,
			want: []string{`Statement.Resource | "exe | execute-api:/… stands for an API only in the policy attached to it`}},
		"a long resource of an authorizer": {options: Options{Kind: AuthorizerPolicy},
			text: `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:execute-api:*:*:*/` + strings.Repeat("ä", 512) + `"}}`,
			want: []string{`Statement.Resource | "arn | the resource has more than 512 characters`}},
		"too long": {text: `{"Statement": {` + good + `}}` + strings.Repeat(" ", 8192), want: []string{` | { | the policy has 8276 characters, 8192 are allowed`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := tt.options
			if o == (Options{}) {
				o = resourceOptions()
			}
			p, problems := Parse([]byte(tt.text), o)
			if p != nil {
				t.Error("there is a policy")
			}
			var got []string
			for i, p := range problems {
				there := tt.text[p.Offset:]
				// What is wanted are beginnings.
				if i < len(tt.want) {
					want := strings.Split(tt.want[i], " | ")
					there, p.Message = there[:min(len(there), len(want[1]))], p.Message[:min(len(p.Message), len(want[2]))]
				}
				got = append(got, fmt.Sprintf("%s | %s | %s", p.Path, there, p.Message))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	text := `{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "execute-api:/prod/GET/${aws:username}",
		"Condition": {"ForAllValues:StringLike": {"aws:Referer": "${aws:userid}"}}}}`
	p, problems := Parse([]byte(text), resourceOptions())
	if p == nil {
		t.Fatal(problems)
	}
	var got []string
	for _, p := range problems {
		if !p.Warning {
			t.Errorf("%v is not a warning", p)
		}
		got = append(got, p.String())
	}
	want := []string{
		`Statement.Resource: ${ is plain text in policies of the version 2008-10-17 (write "Version": "2012-10-17")`,
		`Statement.Condition["ForAllValues:StringLike"]["aws:Referer"]: aws:Referer has one value at most; ForAllValues holds when it has none (leave ForAllValues: out)`,
		`Statement.Condition["ForAllValues:StringLike"]["aws:Referer"]: ${ is plain text in policies of the version 2008-10-17 (write "Version": "2012-10-17")`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r := Request{Action: Invoke, Resource: testAPI.MethodARN("prod", "GET", "/${aws:username}"), Caller: Caller{UserName: "ann"}}
	if d := p.Evaluate(&r); d.Effect != Allow {
		t.Errorf("a text that looks like a variable: %v", d)
	}
}

func TestDocumentLimits(t *testing.T) {
	text := []byte(`{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}` + strings.Repeat(" ", 20000))
	if p, problems := Parse(text, Options{Kind: IdentityPolicy}); p == nil {
		t.Errorf("white space counts in the policy of an identity: %v", problems)
	}
	if p, _ := Parse(text, Options{Kind: AuthorizerPolicy, MaxCharacters: 20000}); p != nil {
		t.Error("the caller's limit is passed over")
	}
	huge := []byte(strings.Repeat("[", maxBytes+1))
	if p, problems := Parse(huge, Options{MaxCharacters: 1 << 30}); p != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, "are never read") {
		t.Errorf("a huge document: %v", problems)
	}
}

func TestLineColumn(t *testing.T) {
	text := []byte("{\n  \"ä\": 1\n}")
	for _, tt := range []struct{ offset, line, column int }{{-1, 1, 1}, {0, 1, 1}, {1, 1, 2}, {2, 2, 1}, {4, 2, 3}, {7, 2, 5}, {12, 3, 1}, {99, 3, 2}} {
		if line, column := LineColumn(text, tt.offset); line != tt.line || column != tt.column {
			t.Errorf("offset %d is %d:%d, want %d:%d", tt.offset, line, column, tt.line, tt.column)
		}
	}
}
