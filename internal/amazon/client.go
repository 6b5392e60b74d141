package amazon

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"gatehouse/internal/bounded"
	"gatehouse/internal/lockstep"
)

// Place is where a service is called, and as whom. Places can be compared.
type Place struct {
	// Name is what the names of the service's hosts begin with: sqs, states.
	Name string
	// Subdomain stands before it, for services that have some.
	Subdomain string
	// Endpoint is its address; empty stands for AWS, or where the environment says.
	Endpoint string
	// Region is where the service is; empty for the environment's.
	Region string
	// Role is the ARN of a role that calls it, "" for Gatehouse itself.
	Role string
}

// Client knows services. What is known of one is kept per place; all share the
// environment's configuration. It is safe for concurrent use.
type Client struct {
	// http is what a client of the SDK needs around the transport.
	http   *http.Client
	config remembered[aws.Config]
	// local is the configuration for endpoints that are not Amazon's.
	local remembered[aws.Config]

	mu       sync.Mutex
	services map[Place]*Service
}

// New makes a Client whose own calls, for roles, go over a transport. It does not look at
// the environment.
func New(transport http.RoundTripper) *Client {
	return &Client{services: map[Place]*Service{}, http: &http.Client{
		Transport: bounded.Transport{RoundTripper: transport, Limit: maxRoleBytes},
		// A redirect would take what is signed to someone who was not named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// maxRoleBytes bounds what is read of the answers that credentials are in.
const maxRoleBytes = 64 << 10

// Service is where a service is, with what is needed to call it.
type Service struct {
	// Base is the address, which ends without a slash.
	Base string
	// Host is what the Host header has to say where it is not the address's.
	Host string
	// Amazon: it is AWS itself.
	Amazon bool

	signingName, signingRegion string
	credentials                aws.CredentialsProvider
	signer                     *v4.Signer
}

// Service finds out where a service is. Places have to be few: what is known of each is kept.
func (c *Client) Service(ctx context.Context, p Place) (*Service, error) {
	c.mu.Lock()
	known := c.services[p]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	return c.find(ctx, p)
}

// find is apart from Service because the SDK's options are so large that each call would
// have a larger stack for them.
func (c *Client) find(ctx context.Context, p Place) (*Service, error) {
	k, listed := Find(p.Name)
	if !listed {
		k = Known{ID: p.Name, SigningName: p.Name}
	}
	settings, err := c.settings(ctx, p.Endpoint, k.ID)
	if err != nil {
		return nil, err
	}
	region, err := regionOf(p, settings)
	if err != nil {
		return nil, err
	}
	s := &Service{signingName: k.SigningName, signingRegion: region, signer: v4.NewSigner()}
	endpoint := p.Endpoint
	if endpoint == "" {
		if endpoint, err = configured(ctx, settings, k.ID); err != nil {
			return nil, fmt.Errorf("finding out where %s is: %w", p.Name, err)
		}
	}
	host, signingRegion := amazonsOwn(p, region, k, variantsOf(ctx, settings))
	if s.Amazon = endpoint == ""; s.Amazon {
		s.Base, s.signingRegion = "https://"+host, signingRegion
	} else {
		if s.Base, err = base(endpoint); err != nil {
			return nil, err
		}
		s.Amazon = isAmazon(s.Base)
		if p.Subdomain != "" {
			// The name need not lead anywhere, but tells the endpoint who is meant.
			_, address, _ := strings.Cut(s.Base, "://")
			address, _, _ = strings.Cut(address, "/")
			s.Host = p.Subdomain + "." + address[strings.LastIndexByte(address, '@')+1:]
		}
	}
	if p.Role != "" {
		settings = c.inRole(settings, p, region)
	}
	s.credentials = settings.Credentials
	if s.credentials == nil {
		s.credentials = aws.AnonymousCredentials{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.services[p]; other != nil {
		return other, nil
	}
	c.services[p] = s
	return s, nil
}

// settings are the environment's. An endpoint that is not Amazon's does without
// credentials, and the search for them must not wait for a metadata service that is
// not there.
func (c *Client) settings(ctx context.Context, own, id string) (aws.Config, error) {
	load := func(options ...func(*config.LoadOptions) error) func(context.Context) (aws.Config, error) {
		return func(ctx context.Context) (aws.Config, error) {
			settings, err := config.LoadDefaultConfig(ctx, options...)
			if err != nil {
				return settings, fmt.Errorf("reading the AWS configuration: %w", err)
			}
			return settings, nil
		}
	}
	if isAmazon(environmentNames(own, id)) {
		return c.config.get(ctx, load())
	}
	return c.local.get(ctx, func(ctx context.Context) (aws.Config, error) {
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

// Sign signs a request whose body has a hash, in hexadecimal.
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (s *Service) Sign(ctx context.Context, r *http.Request, bodyHash string) error {
	keys, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("there are no AWS credentials: %w", err)
	}
	// S3 takes paths as they are, and wants to see the hash; the others encode them again.
	isS3 := s.signingName == "s3" || strings.HasPrefix(s.signingName, "s3-") || s.signingName == "s3express"
	if isS3 {
		r.Header.Set("X-Amz-Content-Sha256", bodyHash)
		err = s.signer.SignHTTP(ctx, keys, r, bodyHash, s.signingName, s.signingRegion, time.Now(), plainPath)
	} else {
		err = s.signer.SignHTTP(ctx, keys, r, bodyHash, s.signingName, s.signingRegion, time.Now())
	}
	if err != nil {
		return fmt.Errorf("signing the call: %w", err)
	}
	return nil
}

func plainPath(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }

// maxConnections to one host: one call is under way at a time on each.
const maxConnections = 512

// NewTransport makes one for calls of services, with the proxies and the authorities of
// the system.
func NewTransport() http.RoundTripper {
	return lockstep.New(&http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		ForceAttemptHTTP2: true,
		// An object that is kept compressed is handed out so.
		DisableCompression:     true,
		MaxIdleConns:           maxConnections,
		MaxIdleConnsPerHost:    maxConnections,
		MaxConnsPerHost:        maxConnections,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	})
}

// remembered is a value that is made when it is first needed, and again after it
// failed. Nobody waits for another to make it: each waits no longer than its own
// context says.
type remembered[T any] struct{ value atomic.Pointer[T] }

func (r *remembered[T]) get(ctx context.Context, make func(context.Context) (T, error)) (T, error) {
	if known := r.value.Load(); known != nil {
		return *known, nil
	}
	value, err := make(ctx)
	if err == nil {
		r.value.CompareAndSwap(nil, &value)
	}
	return value, err
}
