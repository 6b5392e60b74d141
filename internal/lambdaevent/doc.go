// Package lambdaevent holds what the events of API Gateway have in common, whatever a
// function is called for: how a request's path, query, headers and client certificate
// are shown to it.
//
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
package lambdaevent
