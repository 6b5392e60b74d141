// Package amazon finds the services of AWS and signs what they are sent.
//
// Nothing is asked of the environment (credentials, region, endpoints) before the first
// call that needs it. What the environment says is read by the AWS SDK, and by its rules:
// AWS_ENDPOINT_URL, the same per service, profiles, FIPS and dual-stack hosts.
package amazon
