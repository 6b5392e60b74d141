package iampolicy

import "strings"

const shownDigits = 4

// DenialText is the message of the 403 for a request that policies refuse. The user is
// the ARN of the caller, anonymous when empty. The account in the ARN of the resource
// is masked but for its last four digits.
func DenialText(user, action, resource string, outcome Outcome) string {
	if user == "" {
		user = "anonymous"
	}
	text := "User: " + user + " is not authorized to perform: " + action + " on resource: " + maskAccount(resource)
	if outcome == ExplicitDeny {
		text += " with an explicit deny"
	}
	return text
}

func maskAccount(arn string) string {
	parts, ok := splitARN(arn)
	if !ok {
		return arn
	}
	account := parts[accountPart]
	shown := ""
	if len(account) > shownDigits {
		shown = account[len(account)-shownDigits:]
	}
	parts[accountPart] = strings.Repeat("*", len(account)-len(shown)) + shown
	return "arn:" + strings.Join(parts[:], ":")
}
