// Package management serves Amazon API Gateway's management API, as the AWS CLI, SDKs
// and Terraform speak it, on documents that a store keeps. What the operations do is in
// restapi and httpapi; here is what comes before them: which service a request is for,
// who calls, and whether they may.
package management
