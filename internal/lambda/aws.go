package lambda

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"gatehouse/gateway"
)

// awsTarget is what one service is for.
type awsTarget struct{ endpoint, region, role string }

// awsClients speak Lambda's Invoke API. What is known of a service is kept per endpoint,
// region and role; all share connections and the environment's configuration.
type awsClients struct {
	// http is transport with what a client of the SDK needs around it.
	http      *http.Client
	transport http.RoundTripper
	attempts  int
	config    remembered[aws.Config]
	// local is the configuration for endpoints that are not Amazon's.
	local remembered[aws.Config]

	mu       sync.Mutex
	services map[awsTarget]*service
}

func (a *awsClients) service(ctx context.Context, t awsTarget) (*service, error) {
	a.mu.Lock()
	known := a.services[t]
	a.mu.Unlock()
	if known != nil {
		return known, nil
	}
	return a.newService(ctx, t)
}

// newService finds out about a service. It is apart from service because the SDK's options
// are so large that each call would have a larger stack for them.
func (a *awsClients) newService(ctx context.Context, t awsTarget) (*service, error) {
	settings, err := a.settings(ctx, t)
	if err != nil {
		return nil, err
	}
	if t.role != "" {
		settings = a.inRole(settings, t)
	}
	// The SDK's client is asked for what it has made of the environment; it calls nothing.
	about := lambda.NewFromConfig(settings, func(o *lambda.Options) {
		o.Region = cmp.Or(t.region, o.Region, gateway.DefaultRegion)
		if t.endpoint != "" {
			o.BaseEndpoint = &t.endpoint
		}
	}).Options()
	endpoint, err := about.EndpointResolverV2.ResolveEndpoint(ctx, lambda.EndpointParameters{
		Region: &about.Region, Endpoint: about.BaseEndpoint,
		UseDualStack: aws.Bool(about.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		UseFIPS:      aws.Bool(about.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
	})
	if err != nil {
		return nil, fmt.Errorf("finding out where Lambda is: %w", err)
	}
	s := &service{
		base: strings.TrimSuffix(endpoint.URI.String(), "/"), region: about.Region,
		amazon: isAmazon(endpointOf(t.endpoint)), credentials: about.Credentials, signer: v4.NewSigner(), retryer: newRetryer(),
	}
	if s.credentials == nil {
		s.credentials = aws.AnonymousCredentials{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.services[t]; other != nil {
		return other, nil
	}
	a.services[t] = s
	return s, nil
}

// settings are the environment's. An endpoint that is not Amazon's does without
// credentials, and the search for them must not wait for a metadata service that is
// not there.
func (a *awsClients) settings(ctx context.Context, t awsTarget) (aws.Config, error) {
	load := func(options ...func(*config.LoadOptions) error) func(context.Context) (aws.Config, error) {
		return func(ctx context.Context) (aws.Config, error) {
			settings, err := config.LoadDefaultConfig(ctx, options...)
			if err != nil {
				return settings, fmt.Errorf("reading the AWS configuration: %w", err)
			}
			return settings, nil
		}
	}
	if isAmazon(endpointOf(t.endpoint)) {
		return a.config.get(ctx, load())
	}
	return a.local.get(ctx, func(ctx context.Context) (aws.Config, error) {
		settings, err := load(config.WithEC2IMDSClientEnableState(imds.ClientDisabled))(ctx)
		if err != nil {
			return settings, err
		}
		if _, err := settings.Credentials.Retrieve(ctx); err != nil {
			if ctx.Err() != nil {
				return settings, ctx.Err()
			}
			settings.Credentials = credentials.NewStaticCredentialsProvider("gatehouse", "gatehouse", "")
		}
		return settings, nil
	})
}

// endpointOf is where a call will go: the SDK takes it from the same variables. They
// are looked at for what is to be expected there only.
func endpointOf(own string) string {
	return cmp.Or(own, os.Getenv("AWS_ENDPOINT_URL_LAMBDA"), os.Getenv("AWS_ENDPOINT_URL"))
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
	for _, suffix := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
