package restapi

import (
	"context"
	"net/http"
	"regexp"
	"slices"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) settingsOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetAccount", Method: http.MethodGet, Path: "/account", Status: http.StatusOK, Do: s.getAccount},
		{Name: "UpdateAccount", Method: http.MethodPatch, Path: "/account", Status: http.StatusOK, Do: s.updateAccount},
	}
}

// accountKey is the key of a region's settings.
func accountKey(region string) string { return region + "/account" }

// apiKeyVersion is that of keys that usage plans give access by, the only ones here.
const apiKeyVersion = "4"

// usagePlansFeature is the one feature that there is.
const usagePlansFeature = "UsagePlans"

// readAccount reads the settings of a region. Its throttle is not among what is kept: it is
// the one that the gateway holds all to, and a file says it. Without one nobody is held to
// any, and none is told.
func (s *Service) readAccount(r store.Reader, region string) (*Account, error) {
	found, err := hasRecord(r, accountKey(region))
	if err != nil {
		return nil, err
	}
	a := &Account{Features: []string{usagePlansFeature}, APIKeyVersion: apiKeyVersion}
	if found {
		if a, err = readRecord[Account](r, accountKey(region), nil); err != nil {
			return nil, err
		}
	}
	a.ThrottleSettings = s.throttle()
	return a, nil
}

func (s *Service) getAccount(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Account, error) { return s.readAccount(r, c.Region) })
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)

func (s *Service) updateAccount(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Account, error) {
		a, err := s.readAccount(tx, c.Region)
		if err != nil {
			return nil, err
		}
		err = applyPatch(a, operations, pathsListed, []patchRule[Account]{
			{"/cloudwatchRoleArn", opReplace, func(a *Account, o patchOperation, _ []string) error {
				if arn := o.text(); arn != "" && !roleARN.MatchString(arn) {
					return restjson.BadRequest("Invalid ARN specified in the request. The value provided for parameter 'cloudwatchRoleArn' is not the ARN of an IAM role")
				}
				a.CloudwatchRoleARN = o.text()
				return nil
			}},
			{"/features", opAddRemove, func(a *Account, o patchOperation, _ []string) error {
				if o.text() != usagePlansFeature {
					return restjson.BadRequest("Invalid feature specified: '%s'. Must be one of: [%s]", o.text(), usagePlansFeature)
				}
				if o.Op == "remove" {
					return restjson.BadRequest("Usage Plans cannot be disabled once enabled")
				}
				if !slices.Contains(a.Features, usagePlansFeature) {
					a.Features = append(a.Features, usagePlansFeature)
				}
				return nil
			}},
		})
		if err != nil {
			return nil, err
		}
		kept := *a
		kept.ThrottleSettings = nil
		return a, store.WriteDocument(tx, accountKey(c.Region), &kept)
	})
}
