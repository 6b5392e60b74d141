// Package lambda calls functions: at AWS, at anything else that speaks Lambda's Invoke
// API, or as a plain webhook that is sent the event and answers with the result.
//
// Find turns what a definition names into a Target; a Client calls it. Nothing is asked
// of the AWS environment (credentials, region, endpoints) before the first function is
// called that needs it.
package lambda
