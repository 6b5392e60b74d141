package executionlog

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/wire"
)

const (
	// shownOfSecret is how much of the end of a secret is shown.
	shownOfSecret = 6
	// minSecret is how long a secret is that is looked for in other values: shorter ones are
	// found where they are not.
	minSecret = 6
)

// Secret has a value masked wherever it stands in what is told from now on.
func (l *Log) Secret(values ...string) {
	if l == nil {
		return
	}
	for _, value := range values {
		if len(value) < minSecret || slices.Contains(l.secrets, value) {
			continue
		}
		l.secrets = append(l.secrets, value)
		// In events, it is the text of a JSON string.
		if inside := insideJSON(value); inside != value {
			l.secrets = append(l.secrets, inside)
		}
		// In queries, it may be escaped.
		if escaped := url.QueryEscape(value); escaped != value {
			l.secrets = append(l.secrets, escaped)
		}
	}
	// A part of a secret must not be masked before the whole of it.
	slices.SortStableFunc(l.secrets, func(a, b string) int { return len(b) - len(a) })
}

// Secrets are those that are masked, for another account.
func (l *Log) Secrets() []string {
	if l == nil {
		return nil
	}
	return slices.Clone(l.secrets)
}

// SecretsOf has the secrets among headers masked.
func (l *Log) SecretsOf(header http.Header) {
	if l == nil {
		return
	}
	for name, values := range header {
		if !SecretHeader(name) {
			continue
		}
		for _, value := range values {
			l.Secret(value)
			// A scheme before it, as in Bearer TOKEN.
			if _, token, found := strings.Cut(value, " "); found {
				l.Secret(strings.TrimSpace(token))
			}
			cookies := strings.Split(value, ";")
			switch http.CanonicalHeaderKey(name) {
			case "Set-Cookie":
				cookies = cookies[:1] // What follows says how it is kept.
			case "Cookie":
			default:
				continue
			}
			for _, pair := range cookies {
				if _, cookie, found := strings.Cut(pair, "="); found {
					l.Secret(strings.TrimSpace(cookie))
				}
			}
		}
	}
}

func (l *Log) withoutSecrets(text string) string {
	for _, secret := range l.secrets {
		if strings.Contains(text, secret) {
			text = strings.ReplaceAll(text, secret, Masked(secret))
		}
	}
	return text
}

// Clean masks in what is told already the secrets that were found since.
func (l *Log) Clean() {
	if l == nil || len(l.secrets) == 0 {
		return
	}
	for i := range l.entries {
		l.entries[i].Text = l.withoutSecrets(l.entries[i].Text)
	}
}

// SecretsOfQuery has the secrets among a request's query parameters masked.
func (l *Log) SecretsOfQuery(query [][2]string) {
	if l == nil {
		return
	}
	for _, p := range query {
		if SecretParameter(p[0]) {
			l.Secret(p[1])
		}
	}
}

// insideJSON is a text as it stands between the quotes of a JSON string.
func insideJSON(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return text
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(b.String(), "\n"), `"`), `"`)
}

// secretHeaders are shown by their ends.
var secretHeaders = map[string]bool{
	"Authorization": true, "Cookie": true, "Proxy-Authorization": true, "Set-Cookie": true, "X-Amz-Security-Token": true, "X-Api-Key": true,
}

// secretParameters are those of queries, in lower case.
var secretParameters = map[string]bool{
	"access_token": true, "api_key": true, "apikey": true, "client_secret": true, "id_token": true, "password": true, "refresh_token": true, "token": true,
	"x-amz-credential": true, "x-amz-security-token": true, "x-amz-signature": true, "x-api-key": true,
}

// SecretHeader and SecretParameter report whether a header, or a parameter of a query, is one
// whose value is shown by its end.
func SecretHeader(name string) bool { return secretHeaders[http.CanonicalHeaderKey(name)] }

func SecretParameter(name string) bool { return secretParameters[strings.ToLower(name)] }

// headers writes headers as {name=value, …}, sorted.
func headers(header http.Header, clean func(string) string) string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if strings.HasPrefix(strings.ToLower(name), wire.InternalHeaderPrefix) {
			continue
		}
		values := strings.Join(header[name], ",")
		if SecretHeader(name) {
			values = Masked(values)
		}
		fields = append(fields, name+"="+Shown(clean(values)))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// Masked leaves the end of a secret, so that it can be told from others; of a short one
// nothing.
func Masked(secret string) string {
	if len(secret) <= 2*shownOfSecret {
		return strings.Repeat("*", len(secret))
	}
	hidden := len(secret) - shownOfSecret
	return strings.Repeat("*", hidden) + strings.ToValidUTF8(secret[hidden:], "*")
}

// pairs writes what a request has of named values.
func pairs(named [][2]string, clean func(string) string) string {
	fields := make([]string, 0, len(named))
	for _, p := range named {
		value := p[1]
		if SecretParameter(p[0]) {
			value = Masked(value)
		}
		fields = append(fields, p[0]+"="+Shown(clean(value)))
	}
	slices.Sort(fields)
	return "{" + strings.Join(fields, ", ") + "}"
}
