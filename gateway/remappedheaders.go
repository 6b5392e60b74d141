package gateway

import "strings"

// RemappedHeader reports whether response mappings and templates of a REST API set a
// header as x-amzn-remapped-NAME, as recorded of Amazon API Gateway.
func RemappedHeader(name string) bool { return remappedHeaders[strings.ToLower(name)] }

var remappedHeaders = map[string]bool{
	"connection": true, "content-length": true, "date": true, "server": true, "authorization": true,
	"content-md5": true, "expect": true, "host": true, "max-forwards": true, "proxy-authenticate": true,
	"trailer": true, "upgrade": true, "user-agent": true, "www-authenticate": true,
}
