package amazon

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"gatehouse/gateway"
)

// suffixes are the domains of regions that are not AWS's own partition, by what the names
// of the regions begin with.
var suffixes = []struct{ region, domain, dualStack string }{
	{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"us-iso-", "c2s.ic.gov", ""},
	{"us-isob-", "sc2s.sgov.gov", ""},
	{"us-isof-", "csp.hci.ic.gov", ""},
	{"eu-isoe-", "cloud.adc-e.uk", ""},
	{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
}

// domains of a region: the plain one, and the one of hosts that have IPv6 addresses too.
func domains(region string) (plain, dualStack string) {
	for _, s := range suffixes {
		if strings.HasPrefix(region, s.region) {
			return s.domain, cmp.Or(s.dualStack, s.domain)
		}
	}
	return "amazonaws.com", "api.aws"
}

var (
	// regionName and hostName keep what definitions and the environment say from
	// becoming more than a part of a host's name.
	regionName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,120}[A-Za-z0-9])?$`)
)

// IsRegion reports whether a text can be the name of a region.
func IsRegion(text string) bool { return regionName.MatchString(text) }

// IsHost reports whether a text can be labels of a host's name.
func IsHost(text string) bool { return hostName.MatchString(text) && !strings.Contains(text, "..") }

// variants are the kinds of hosts that the environment asks for.
type variants struct{ fips, dualStack bool }

// amazonsOwn is where AWS has a service, and the region that it is signed for.
func amazonsOwn(p Place, region string, k Known, v variants) (host, signingRegion string) {
	plain, dualStack := domains(region)
	name := cmp.Or(k.host, p.Name)
	if k.worldwide != "" && plain == "amazonaws.com" && !strings.HasPrefix(region, "us-gov-") && v == (variants{}) {
		host, signingRegion = k.worldwide, k.worldwideRegion
	} else {
		if v.fips {
			first, rest, _ := strings.Cut(name, ".")
			name = strings.TrimSuffix(first+"-fips."+rest, ".")
		}
		switch {
		case v.dualStack && p.Name == "s3":
			// S3 had such hosts before there was a domain for them.
			name += ".dualstack"
		case v.dualStack:
			plain = dualStack
		}
		host, signingRegion = name+"."+region+"."+plain, region
	}
	if p.Subdomain != "" {
		host = p.Subdomain + "." + host
	}
	return host, signingRegion
}

// The configuration of the SDK says these things to whom asks for them.
type (
	serviceEndpoints interface {
		GetServiceBaseEndpoint(ctx context.Context, id string) (string, bool, error)
	}
	ignoringEndpoints interface {
		GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
	}
	fipsSetting interface {
		GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
	}
	dualStackSetting interface {
		GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
	}
)

// configured is the endpoint that the environment or the profile names for a service, ""
// for AWS's own.
// See https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func configured(ctx context.Context, settings aws.Config, id string) (string, error) {
	all := aws.ToString(settings.BaseEndpoint)
	// The variable for all goes before a profile's entry for the service.
	if os.Getenv("AWS_ENDPOINT_URL") != "" && os.Getenv(variable(id)) == "" {
		return all, nil
	}
	for _, source := range settings.ConfigSources {
		if s, ok := source.(ignoringEndpoints); ok {
			if ignore, found, err := s.GetIgnoreConfiguredEndpoints(ctx); err == nil && found && ignore {
				return all, nil
			}
		}
	}
	for _, source := range settings.ConfigSources {
		if s, ok := source.(serviceEndpoints); ok {
			if endpoint, found, err := s.GetServiceBaseEndpoint(ctx, id); err != nil {
				return "", err
			} else if found {
				return endpoint, nil
			}
		}
	}
	return all, nil
}

// variable is the one that names a service's endpoint.
func variable(id string) string {
	return "AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(id), " ", "_")
}

func variantsOf(ctx context.Context, settings aws.Config) (v variants) {
	fipsFound, dualFound := false, false
	for _, source := range settings.ConfigSources {
		if s, ok := source.(fipsSetting); ok && !fipsFound {
			state, found, err := s.GetUseFIPSEndpoint(ctx)
			v.fips, fipsFound = err == nil && found && state == aws.FIPSEndpointStateEnabled, found
		}
		if s, ok := source.(dualStackSetting); ok && !dualFound {
			state, found, err := s.GetUseDualStackEndpoint(ctx)
			v.dualStack, dualFound = err == nil && found && state == aws.DualStackEndpointStateEnabled, found
		}
	}
	return v
}

// base checks the address of an endpoint, and gives it without a slash at its end.
func base(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		// The address may have a password in it.
		return "", errors.New("the configured endpoint is no URL of http or https")
	}
	return strings.TrimSuffix(endpoint, "/"), nil
}

// environmentNames is the endpoint that a service's calls will go to, as far as it can be
// told before the configuration is read.
func environmentNames(own, id string) string {
	if strings.EqualFold(os.Getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		return own
	}
	return cmp.Or(own, os.Getenv(variable(id)), os.Getenv("AWS_ENDPOINT_URL"))
}

// isAmazon reports whether an endpoint is AWS itself, as it is without one.
func isAmazon(endpoint string) bool {
	if endpoint == "" {
		return true
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	for _, suffix := range []string{"amazonaws.com", "amazonaws.com.cn", "api.aws", "amazonaws.eu"} {
		if strings.HasSuffix(host, "."+suffix) {
			return true
		}
	}
	return false
}

// regionOf is where a service is called: where the place says, else the environment.
func regionOf(p Place, settings aws.Config) (string, error) {
	region := cmp.Or(p.Region, settings.Region, gateway.DefaultRegion)
	if !IsRegion(region) {
		return "", errors.New("the region that AWS is to be called in cannot be the name of one")
	}
	return region, nil
}
