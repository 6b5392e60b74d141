// Package openapi turns what the management API keeps of an API into OpenAPI documents,
// and documents into what is kept. Documents are written as Amazon's exports are, and
// read by package definition/openapi, which also reads the documents of files: an API
// that was imported here is served as one that a file names.
//
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-export-api.html
package openapi
