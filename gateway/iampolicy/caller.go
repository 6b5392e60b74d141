package iampolicy

import "strings"

// CallerOf is who has an ARN: a user, the root user of an account, or a session of a role.
func CallerOf(arn, userID string) Caller {
	c := Caller{ARN: arn, UserID: userID}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return c
	}
	kind, path, _ := strings.Cut(parts[5], "/")
	switch c.Account = parts[4]; kind {
	case "user":
		c.Type, c.UserName = "User", path[strings.LastIndexByte(path, '/')+1:]
	case "root":
		c.Type = "Account"
	default:
		c.Type = "AssumedRole"
	}
	return c
}
