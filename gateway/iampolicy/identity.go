package iampolicy

import "regexp"

var ownARN = regexp.MustCompile(`"arn:(aws[a-z-]*):execute-api:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9-]+)/`)

// OwnIdentity is the identity of the API that a resource policy is attached to, going by
// the policy itself. Amazon writes the API's own ARN into a policy when it is saved, and
// so into every export: its region, account and id are not those of the gateway that
// serves the export, and still mean this API. They are taken over if the policy has no
// other; else the identity is as given.
func OwnIdentity(policy []byte, given API) API {
	var found *API
	for _, m := range ownARN.FindAllSubmatch(policy, -1) {
		this := API{Partition: string(m[1]), Region: string(m[2]), Account: string(m[3]), ID: string(m[4])}
		if found != nil && *found != this {
			return given
		}
		found = &this
	}
	if found == nil {
		return given
	}
	return *found
}
