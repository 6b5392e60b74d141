package lambdaevent

import "testing"

func TestDomain(t *testing.T) {
	for host, want := range map[string]string{
		"": "", "a.example.com": "a.example.com", "a.example.com:8080": "a.example.com", "127.0.0.1:80": "127.0.0.1", "[::1]": "[::1]", "[::1]:8080": "[::1]", "a:": "a",
	} {
		if got := Domain(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
