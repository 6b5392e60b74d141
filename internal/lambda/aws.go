package lambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"gatehouse/gateway"
)

// invokeAPI is the part of the AWS client that is used.
type invokeAPI interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// awsTarget is what one AWS client serves.
type awsTarget struct{ endpoint, region, role string }

// awsClients speak Lambda's Invoke API. There is one per endpoint, region and role; they
// share connections and the environment's configuration.
type awsClients struct {
	http     *http.Client
	attempts int
	config   remembered[aws.Config]
	// local is the configuration for endpoints that are not Amazon's.
	local remembered[aws.Config]

	mu      sync.Mutex
	clients map[awsTarget]invokeAPI
}

func (a *awsClients) invoke(ctx context.Context, t Target, event []byte, how types.InvocationType) ([]byte, error) {
	client, err := a.client(ctx, awsTarget{t.Endpoint, t.Region, t.Role})
	if err != nil {
		return nil, err
	}
	// An ARN tells Amazon the account; emulators know functions by their names.
	name := t.Name
	if isAmazon(endpointOf(t.Endpoint)) {
		name = cmp.Or(t.ARN, t.Name)
	}
	input := &lambda.InvokeInput{FunctionName: &name, Payload: event, InvocationType: how}
	if t.Qualifier != "" {
		input.Qualifier = &t.Qualifier
	}
	output, err := client.Invoke(ctx, input)
	switch {
	case errors.Is(err, ErrTooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, refused(fmt.Errorf("calling %s: %w", t, withoutURL(err)))
	case output.FunctionError != nil:
		return nil, functionError(output.Payload)
	}
	return output.Payload, nil
}

// refused tells errors that are Lambda's answer from others.
func refused(err error) error {
	if answer := (*awshttp.ResponseError)(nil); errors.As(err, &answer) && answer.HTTPStatusCode() >= 300 {
		return &RefusedError{answer.HTTPStatusCode(), err}
	}
	return err
}

func (a *awsClients) client(ctx context.Context, t awsTarget) (invokeAPI, error) {
	a.mu.Lock()
	client := a.clients[t]
	a.mu.Unlock()
	if client != nil {
		return client, nil
	}
	settings, err := a.settings(ctx, t)
	if err != nil {
		return nil, err
	}
	if t.role != "" {
		settings = a.inRole(settings, t)
	}
	client = lambda.NewFromConfig(settings, func(o *lambda.Options) {
		o.Region = cmp.Or(t.region, o.Region, gateway.DefaultRegion)
		if t.endpoint != "" {
			o.BaseEndpoint = &t.endpoint
		}
		o.HTTPClient = a.http
		o.Retryer = retry.AddWithMaxAttempts(retry.NewStandard(), a.attempts)
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.clients[t]; other != nil {
		return other, nil
	}
	a.clients[t] = client
	return client, nil
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
