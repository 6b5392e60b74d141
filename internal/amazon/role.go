package amazon

import (
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// A definition may name a role that has the right to call a service or a function. It is
// taken on by AWS STS, with the credentials of the environment, when that is first called.

const (
	// roleSession names Gatehouse in the logs of the account that has the role.
	roleSession = "gatehouse"
	// roleDuration is how long credentials of a role are good, the least that STS gives.
	roleDuration = 15 * time.Minute
	// roleRenewal is how long before their end they are asked for anew.
	roleRenewal = time.Minute
)

var roleARN = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}$`)

// ParseRole reads the ARN of a role, its stage variables resolved.
func ParseRole(text string) (string, error) {
	if !roleARN.MatchString(text) {
		return "", fmt.Errorf("%q is not the ARN of a role", text)
	}
	return text, nil
}

// inRole gives settings the credentials of a role, which calls share until shortly before
// they end. The endpoint of STS is Amazon's, or what AWS_ENDPOINT_URL_STS or
// AWS_ENDPOINT_URL says.
func (c *Client) inRole(settings aws.Config, p Place, region string) aws.Config {
	client := sts.NewFromConfig(settings, func(o *sts.Options) {
		o.Region, o.HTTPClient = region, c.http
	})
	provider := stscreds.NewAssumeRoleProvider(client, p.Role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration = roleSession, roleDuration
	})
	settings.Credentials = aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = roleRenewal
	})
	return settings
}
