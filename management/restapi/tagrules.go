package restapi

import (
	"strings"
	"unicode/utf8"

	"gatehouse/management/restjson"
)

// Bounds of tags.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging.html
const (
	maxTags     = 50
	maxTagName  = 128
	maxTagValue = 256
)

// checkTags tells what of tags is not possible.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return restjson.BadRequest("A resource can have at most %d tags", maxTags)
	}
	for name, value := range tags {
		switch {
		case name == "" || utf8.RuneCountInString(name) > maxTagName:
			return restjson.BadRequest("The name of a tag must have 1 to %d characters", maxTagName)
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			return restjson.BadRequest("The names of tags cannot begin with aws:")
		case utf8.RuneCountInString(value) > maxTagValue:
			return restjson.BadRequest("The value of the tag %s has more than %d characters", name, maxTagValue)
		}
	}
	return nil
}
