package iampolicy_test

import (
	"testing"

	"gatehouse/gateway/iampolicy"
)

func TestOwnIdentity(t *testing.T) {
	given := iampolicy.API{Region: "us-east-1", Account: "000000000000", ID: "pets"}
	exported := iampolicy.API{Partition: "aws", Region: "eu-west-1", Account: "111122223333", ID: "ab12cd34ef"}
	for name, c := range map[string]struct {
		policy string
		want   iampolicy.API
	}{
		"short":        {`{"Statement":[{"Resource":"execute-api:/*"}]}`, given},
		"an export":    {`{"Statement":[{"Resource":["arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/*","arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/prod/GET/x"]}]}`, exported},
		"two APIs":     {`{"Statement":[{"Resource":["arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/*","arn:aws:execute-api:eu-west-1:111122223333:other/*"]}]}`, given},
		"a wildcard":   {`{"Statement":[{"Resource":"arn:aws:execute-api:*:*:*/*"}]}`, given},
		"not a policy": {`"`, given},
	} {
		if got := iampolicy.OwnIdentity([]byte(c.policy), given); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
