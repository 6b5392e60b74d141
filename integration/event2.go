package integration

import (
	"strings"

	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// httpEvent2 is the payload format 2.0. What is not there has no member.
func (x *exchange) httpEvent2(j *jsonText, headers []eventField, body []byte) {
	j.begin('{')
	j.text("version", "2.0")
	j.text("routeKey", x.route.key)
	j.text("rawPath", x.path)
	j.text("rawQueryString", x.query)
	headers = x.cookies(j, headers)
	j.joinedValues("headers", headers)
	if query := x.queryFields(); len(query) > 0 {
		j.joinedValues("queryStringParameters", query)
	}
	x.httpContext(j)
	binary := len(body) > 0 && x.bodyIsBinary()
	if len(body) > 0 {
		j.body(body, binary)
	}
	if variables := x.decodedVariables(); len(variables) > 0 {
		j.texts("pathParameters", variables)
	}
	j.bool("isBase64Encoded", binary)
	if len(x.route.stage.variables) > 0 {
		j.texts("stageVariables", x.route.stage.variables)
	}
	j.end('}')
}

// cookies writes the list of them, and gives the headers that are none.
func (x *exchange) cookies(j *jsonText, headers []eventField) []eventField {
	for i, f := range headers {
		if f.name != "cookie" {
			continue
		}
		j.list("cookies")
		for _, value := range f.values {
			for cookie := range strings.SplitSeq(value, ";") {
				if cookie = strings.TrimSpace(cookie); cookie != "" {
					j.item(cookie)
				}
			}
		}
		j.end(']')
		return append(headers[:i], headers[i+1:]...)
	}
	return headers
}

func (x *exchange) httpContext(j *jsonText) {
	j.object("requestContext")
	j.text("accountId", x.route.stage.account)
	j.text("apiId", x.route.stage.api)
	if lambdaevent.Certificate(x.told(wire.CertificateHeader)) != nil {
		j.object("authentication")
		x.clientCertificate(j)
		j.end('}')
	}
	if x.route.Authorization != nil {
		x.authorizer2(j)
	}
	name, prefix := x.domain()
	j.text("domainName", name)
	j.text("domainPrefix", prefix)
	j.object("http")
	j.text("method", x.request.Method)
	j.text("path", x.path)
	j.text("protocol", x.protocol)
	j.text("sourceIp", x.address)
	j.text("userAgent", x.header("User-Agent"))
	j.end('}')
	j.text("requestId", x.id())
	j.text("routeKey", x.route.key)
	j.text("stage", x.route.stage.name)
	j.text("time", x.requestTime())
	j.number("timeEpoch", x.began)
	j.end('}')
}
