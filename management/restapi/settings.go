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

// ReadAccount reads the settings of a region, which are Amazon's defaults at first.
func ReadAccount(r store.Reader, region string) (*Account, error) {
	rate, burst := 10000.0, 5000
	found, err := hasRecord(r, accountKey(region))
	if err != nil {
		return nil, err
	}
	if !found {
		return &Account{ThrottleSettings: &ThrottleSettings{RateLimit: &rate, BurstLimit: &burst}, Features: []string{usagePlansFeature}, APIKeyVersion: apiKeyVersion}, nil
	}
	return readRecord[Account](r, accountKey(region), nil)
}

func (s *Service) getAccount(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Account, error) { return ReadAccount(r, c.Region) })
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)

func (s *Service) updateAccount(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Account, error) {
		a, err := ReadAccount(tx, c.Region)
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
		return a, store.WriteDocument(tx, accountKey(c.Region), a)
	})
}
