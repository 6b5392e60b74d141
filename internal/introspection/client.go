package introspection

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/obs"
)

// MaxAnswerBytes bounds what an endpoint may answer.
const MaxAnswerBytes = 64 << 10

const maxHeaderBytes = 64 << 10

// Target is where, and as whom, is asked. Targets can be compared.
type Target struct {
	Endpoint     string
	ClientID     string
	ClientSecret gateway.Secret
	// Post sends id and secret as parameters, not by Basic authentication.
	Post bool
	// CA is the PEM bundle to verify the endpoint's certificate with; empty for the
	// system's.
	CA string
}

// String names the target for logs, without what may be secret in its URL.
func (t Target) String() string {
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return "an introspection endpoint"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Errors of Introspect, besides those that say why nothing came back.
var (
	// ErrMalformed says that an answer is not what it has to be.
	ErrMalformed = errors.New("the answer is not one of RFC 7662")
	// ErrClientRefused says that the endpoint refused not the token, but who asks.
	ErrClientRefused = errors.New("the endpoint refuses the client")
)

// Client asks introspection endpoints. It is safe for concurrent use.
type Client struct {
	mu sync.Mutex
	// byCA keeps the connections of endpoints that are verified in the same way.
	byCA map[string]*http.Client
}

// New makes a Client.
func New() *Client { return &Client{byCA: map[string]*http.Client{}} }

const (
	// maxAuthorities bounds the bundles that connections are kept for: they change only
	// with the definitions.
	maxAuthorities = 64
	maxConnections = 512
)

// Introspect asks about a token. The context bounds how long that may take. Errors
// repeat neither the token nor the secret, nor anything that was answered.
func (c *Client) Introspect(ctx context.Context, t Target, token string) (*Answer, error) {
	client, err := c.client(t.CA)
	if err != nil {
		return nil, err
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	if t.Post {
		form.Set("client_id", t.ClientID)
		form.Set("client_secret", t.ClientSecret.Reveal())
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the URL of the endpoint is not valid")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "gatehouse")
	if !t.Post {
		// Encoded first, as RFC 6749 §2.3.1 says: an id or a secret may have any character.
		request.SetBasicAuth(url.QueryEscape(t.ClientID), url.QueryEscape(t.ClientSecret.Reveal()))
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", t, withoutURL(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswerBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading what %s answered: %w", t, withoutURL(err))
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%s answered with status %d: %w", t, response.StatusCode, ErrClientRefused)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered with status %d", t, response.StatusCode)
	case len(body) > MaxAnswerBytes:
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrMalformed, MaxAnswerBytes)
	}
	return Parse(body)
}

// client gives the client for a bundle of authorities.
func (c *Client) client(ca string) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.byCA[ca]; known != nil {
		return known, nil
	}
	roots, err := authorities(ca)
	if err != nil {
		return nil, err
	}
	if len(c.byCA) >= maxAuthorities {
		// Those in use are made again.
		for _, old := range c.byCA {
			old.CloseIdleConnections()
		}
		clear(c.byCA)
	}
	made := &http.Client{
		Transport: obs.Transport(&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           maxConnections,
			MaxIdleConnsPerHost:    maxConnections,
			MaxConnsPerHost:        maxConnections,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: maxHeaderBytes,
		}),
		// A redirect would take the token, and the secret, to someone who was not named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.byCA[ca] = made
	return made, nil
}

// CheckAuthorities reports whether a bundle can be used; an empty one stands for the
// system's.
func CheckAuthorities(ca string) error {
	_, err := authorities(ca)
	return err
}

func authorities(ca string) (*x509.CertPool, error) {
	if ca == "" {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bytes.TrimSpace([]byte(ca))) {
		return nil, errors.New("its ca has no certificate")
	}
	return roots, nil
}

// withoutURL keeps what may be secret in a URL out of errors.
func withoutURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
