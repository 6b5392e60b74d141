// Package lambdatest runs functions in AWS's own runtime for tests. A Server stands
// where Lambda is: it speaks the Invoke API to those who call functions, and the Runtime
// API to the processes that the functions run in.
//
// See https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambdatest
