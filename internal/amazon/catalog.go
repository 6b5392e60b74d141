package amazon

import (
	_ "embed"
	"strings"
	"sync"
)

// Protocol is how a service is told what to do.
type Protocol string

// The protocols of services.
const (
	// Query has the action and its parameters in the query, or in a form.
	Query Protocol = "query"
	// JSON names the action in the header X-Amz-Target.
	JSON Protocol = "json"
	// REST has a method and a path for each action.
	REST Protocol = "rest"
)

// Known is what there is to know of a service beforehand.
type Known struct {
	// ID is the SDK's name of the service.
	ID string
	// SigningName is that in the scope of signatures.
	SigningName string
	Protocol    Protocol
	// Version of a Query API.
	Version string
	// TargetPrefix and JSONVersion are those of a JSON API.
	TargetPrefix, JSONVersion string
	// host stands in the place of the name, where a name is not what hosts begin with.
	host string
	// worldwide is the one host of a service that is the same in all of AWS's own regions,
	// and the region that it is signed for.
	worldwide, worldwideRegion string
}

// catalog lists services by what the names of their hosts begin with. It is made of the
// models of AWS's own botocore, and held to them by a test; to renew it:
//
//	.tools/python/bin/python internal/amazon/testdata/catalog.py >internal/amazon/catalog.tsv
//
//go:embed catalog.tsv
var catalog string

var known = sync.OnceValue(func() map[string]Known {
	services := map[string]Known{}
	for line := range strings.Lines(catalog) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		services[f[0]] = Known{
			ID: f[1], SigningName: f[2], Protocol: Protocol(f[3]), Version: f[4], TargetPrefix: f[5], JSONVersion: f[6],
			worldwide: f[7], worldwideRegion: f[8],
		}
	}
	return services
})

// besides are services that API Gateway knows by names that are no model's: the account's own
// hosts of IoT and AppSync, and the host of Step Functions that waits for what it starts.
var besides = map[string]Known{
	"appsync-api": {ID: "AppSync", SigningName: "appsync", Protocol: REST},
	"iotdata":     {ID: "IoT Data Plane", SigningName: "iotdata", Protocol: REST, host: "iot"},
	"sync-states": {ID: "SFN", SigningName: "states", Protocol: JSON, TargetPrefix: "AWSStepFunctions", JSONVersion: "1.0"},
}

// Find looks a service up by what the names of its hosts begin with, such as sqs, or
// states for Step Functions.
func Find(name string) (Known, bool) {
	k, ok := known()[name]
	if !ok {
		k, ok = besides[name]
	}
	return k, ok
}
