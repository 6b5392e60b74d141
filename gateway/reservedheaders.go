package gateway

import (
	"slices"
	"strings"
)

// reservedHeaders cannot be mapped in HTTP APIs; a trailing * stands for any rest.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
var reservedHeaders = []string{
	"access-control-*", "apigw-*", "authorization", "connection", "content-encoding", "content-length",
	"content-location", "forwarded", "keep-alive", "origin", "proxy-authenticate", "proxy-authorization",
	"te", "trailers", "transfer-encoding", "upgrade", "x-amz-*", "x-amzn-*", "x-forwarded-for",
	"x-forwarded-host", "x-forwarded-proto", "via",
}

// ReservedHeader reports whether mappings of HTTP APIs cannot have a header.
func ReservedHeader(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(reservedHeaders, func(r string) bool {
		prefix, any := strings.CutSuffix(r, "*")
		return name == r || any && strings.HasPrefix(name, prefix)
	})
}
