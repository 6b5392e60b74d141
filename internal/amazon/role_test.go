package amazon_test

import (
	"testing"

	"gatehouse/internal/amazon"
)

func TestParseRole(t *testing.T) {
	for text, good := range map[string]bool{
		"arn:aws:iam::111122223333:role/auth":             true,
		"arn:aws-us-gov:iam::111122223333:role/a/b/c+=.@": true,
		"arn:aws:iam::*:user/*":                           false,
		"arn:aws:iam::111122223333:user/ann":              false,
		"arn:aws:iam::111122223333:role/":                 false,
		"arn:aws:iam::111122223333:role/a b":              false,
		"auth":                                            false,
	} {
		if role, err := amazon.ParseRole(text); (err == nil) != good || good && role != text {
			t.Errorf("%s: %s %v", text, role, err)
		}
	}
}
