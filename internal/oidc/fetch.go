package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/gateway/jwks"
)

const (
	maxDiscoveryBytes = 64 << 10
	maxHeaderBytes    = 64 << 10
	maxRedirects      = 3
)

// remote is an issuer as seen over the network. One goroutine uses it.
type remote struct {
	issuer  gateway.Issuer
	timeout time.Duration
	client  *http.Client
	// What was fetched last, and how to ask whether it still holds.
	discovery, keys kept
	// place is what the discovery document says.
	place string
	set   jwks.Set
}

// kept is the address and the ETag of an answer whose meaning is still known.
type kept struct{ url, etag string }

// answer is what a fetch gave: a key set, or an introspection endpoint.
type answer struct {
	set      jwks.Set
	endpoint string
	header   http.Header
}

func newRemote(issuer gateway.Issuer, timeout time.Duration) (*remote, error) {
	var roots *x509.CertPool // nil for the system's
	if issuer.CA != "" {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(issuer.CA)) {
			return nil, errors.New("its ca has no certificate")
		}
	}
	return &remote{
		issuer:  issuer,
		timeout: timeout,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2:      true,
				MaxResponseHeaderBytes: maxHeaderBytes,
			},
			CheckRedirect: checkRedirect,
		},
	}, nil
}

// checkRedirect follows few redirects, and none out of encryption.
func checkRedirect(next *http.Request, before []*http.Request) error {
	switch {
	case len(before) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case next.URL.User != nil:
		return errors.New("a redirect to a URL with a user in it")
	case next.URL.Scheme != "https" && (next.URL.Scheme != "http" || before[len(before)-1].URL.Scheme == "https"):
		return fmt.Errorf("a redirect to %s, which is not https", location(next.URL))
	}
	return nil
}

// fetch gets the key set, by way of the discovery document unless the definition
// says where it is.
func (r *remote) fetch(ctx context.Context) (answer, error) {
	// The next time is minutes away.
	defer r.client.CloseIdleConnections()
	if r.issuer.Introspection != nil {
		return r.fetchEndpoint(ctx)
	}
	at := r.issuer.JWKSURI
	if at == "" {
		discovered, _, err := r.discover(ctx, discoveryURL(r.issuer.URL), keysMember)
		if err != nil {
			return answer{}, err
		}
		at = discovered
	}
	body, header, err := r.get(ctx, at, &r.keys, jwks.MaxBytes)
	if err != nil || body == nil {
		return answer{set: r.set, header: header}, err
	}
	set, err := jwks.Parse(body)
	if err != nil {
		r.keys = kept{}
		var dropped []string
		for _, d := range set.Dropped {
			dropped = append(dropped, d.String())
		}
		return answer{}, errors.New(shortened(strings.Join(append([]string{err.Error()}, dropped...), "; ")))
	}
	r.set = set
	return answer{set: set, header: header}, nil
}

// fetchEndpoint gets the introspection endpoint by way of the issuer's metadata: an
// OpenID provider's, or that of another authorization server.
func (r *remote) fetchEndpoint(ctx context.Context) (answer, error) {
	endpoint, header, err := r.discover(ctx, discoveryURL(r.issuer.URL), introspectionMember)
	if err != nil {
		var second error
		if endpoint, header, second = r.discover(ctx, serverMetadataURL(r.issuer.URL), introspectionMember); second != nil {
			return answer{}, fmt.Errorf("%w; %w", err, second)
		}
	}
	return answer{endpoint: endpoint, header: header}, nil
}

func (r *remote) discover(ctx context.Context, at, member string) (place string, header http.Header, err error) {
	body, header, err := r.get(ctx, at, &r.discovery, maxDiscoveryBytes)
	if err != nil || body == nil {
		return r.place, header, err
	}
	if r.place, err = parseDiscovery(body, r.issuer.URL, member); err != nil {
		r.discovery = kept{}
	}
	return r.place, header, err
}

// get asks for a document of bounded size. The body is nil if what is kept is still
// what there is.
func (r *remote) get(ctx context.Context, at string, k *kept, most int64) (body []byte, header http.Header, err error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, nil, errors.New("its URL cannot be read")
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", location(u), r.plain(err))
		}
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "gatehouse")
	conditional := k.url == at && k.etag != ""
	if conditional {
		request.Header.Set("If-None-Match", k.etag)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && conditional:
		return nil, response.Header, nil
	case response.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("the answer has status %d", response.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, nil, err
	case int64(len(body)) > most:
		return nil, nil, fmt.Errorf("the answer has more than %d bytes", most)
	}
	*k = kept{at, response.Header.Get("ETag")}
	return body, response.Header, nil
}

// plain takes from an error the URL, which may have secrets in it, and says what a
// deadline means.
func (r *remote) plain(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no complete answer within %v", r.timeout)
	}
	return errors.New(shortened(err.Error()))
}
