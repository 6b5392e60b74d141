// Package httpapi is Amazon API Gateway's management API of HTTP and WebSocket APIs
// (service "apigatewayv2", version 2018-11-29): its documents and what its operations
// do with them. The documents are kept and sent in the same form, that of the service
// model.
package httpapi
