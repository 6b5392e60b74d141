package gateway

// Issuer is who gives out tokens: an OpenID provider or an Amazon Cognito user pool.
type Issuer struct {
	// URL is the iss claim of its tokens, to the letter.
	URL string
	// UserPool is the ARN of the Cognito user pool that the issuer stands for; empty
	// for other providers.
	UserPool string
	// JWKSURI is where its keys are; empty means where its discovery document says.
	JWKSURI string
	// JWKS is the key set (RFC 7517) as JSON. It is written in the definition, or
	// filled in by who fetches it; without one every token is refused.
	JWKS string
	// Fetched tells that JWKS was filled in, and may be replaced by a newer one.
	Fetched bool
	// CA is the PEM bundle that the issuer's own certificate is verified with; empty
	// means the system's.
	CA string
	// Introspection is set when tokens are not verified by keys, but the issuer is asked.
	Introspection *Introspection
	Source        Position
}

// Issuer finds an issuer by its URL, or nil.
func (s *Snapshot) Issuer(url string) *Issuer {
	for i := range s.Issuers {
		if s.Issuers[i].URL == url {
			return &s.Issuers[i]
		}
	}
	return nil
}

// Function is where a Lambda function can be called, if not at AWS.
type Function struct {
	// Name is the function's name or ARN, with or without a qualifier.
	Name string
	// URL is called with the event as the body of a POST, and answers with the result.
	URL string
	// Endpoint speaks Lambda's Invoke API, as AWS and its emulators do. One of URL and
	// Endpoint is set.
	Endpoint string
	// Secret is sent to URL as "Authorization: Bearer SECRET"; empty for none.
	Secret Secret
	Source Position
}

// Credential is an access key of the local credential store, which signs requests.
type Credential struct {
	AccessKeyID     string
	SecretAccessKey Secret
	// SessionToken must come along when it is set (temporary credentials).
	SessionToken Secret
	// ARN of the user or role, arn:aws:iam::{account}:user/{name}.
	ARN string
	// UserID is $context.identity.user and caller; empty means the access key id.
	UserID string
	// Policies are IAM policy documents as JSON.
	Policies []Policy
	Disabled bool
	Source   Position
}

// Policy is an IAM policy document.
type Policy struct {
	// JSON is the document.
	JSON string
	// Source is where it is written.
	Source Position
}

// The AWS region and account that APIs belong to: ARNs need both.
const (
	DefaultRegion    = "us-east-1"
	DefaultAccountID = "000000000000"
)
