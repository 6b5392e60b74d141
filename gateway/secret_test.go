package gateway_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const value = "hunter2"
	secret := gateway.Secret(value)
	key := gateway.APIKey{Name: "acme", Values: []gateway.Secret{secret}}
	holders := map[string]any{
		"alone": secret, "pointer": &secret, "field": key, "pointer to struct": &key,
		"list": []gateway.Secret{secret}, "map": map[string]gateway.Secret{"a": secret}, "any": []any{secret},
		"snapshot": &gateway.Snapshot{APIKeys: []gateway.APIKey{key}, Domains: []gateway.Domain{{TLS: &gateway.TLS{Key: secret}}}},
	}
	hidden := func(how, text string) {
		t.Helper()
		for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
			if strings.Contains(text, form) {
				t.Errorf("%s shows it: %s", how, text)
			}
		}
	}
	for name, v := range holders {
		// fmt asks no methods for %p and %w (it does not get to), and go vet lets neither pass.
		for _, verb := range "vsqxXdeEfgGtbcoOUT" {
			for _, flag := range []string{"", "+", "#", " ", "-", "0", "10", ".1", "10.2"} {
				format := "%" + flag + string(verb)
				// Behind a second pointer, only %v asks methods; go vet knows the others are wrong.
				if text := fmt.Sprintf(format, v); name != "snapshot" || verb == 'v' {
					hidden(name+" by "+format, text)
				}
			}
		}
		hidden(name+" by Sprint", fmt.Sprint(v))
		hidden(name+" as an error", fmt.Errorf("key %v", v).Error())
		for handler, h := range map[string]func(*bytes.Buffer) slog.Handler{
			"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(h(&b)).Info("hello", "key", v, slog.Group("g", "key", v))
			if !strings.Contains(b.String(), "hello") {
				t.Errorf("%s was not logged", name)
			}
			hidden(name+" by slog's "+handler, b.String())
		}
		data, err := json.Marshal(v)
		if err != nil || name != "snapshot" && !bytes.Contains(data, []byte("[redacted]")) {
			t.Errorf("%s: %v %s", name, err, data)
		}
		hidden(name+" by JSON", string(data))
		if data, err = yaml.Marshal(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		hidden(name+" by YAML", string(data))
		if data, err = xml.Marshal(v); err == nil {
			hidden(name+" by XML", string(data))
		}
	}
	if secret.Reveal() != value {
		t.Errorf("Reveal gives %q", secret.Reveal())
	}
}
