package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
)

func TestURL(t *testing.T) {
	type parsed struct {
		Addrs                          []string
		User, Password, Master, SentUs string
		DB, Pool                       int
		Cluster, TLS                   bool
	}
	for url, want := range map[string]parsed{
		"redis://redis": {Addrs: []string{"redis:6379"}},
		"redis://:pa%23ss@[::1]:7000/3?pool_size=7":                {Addrs: []string{"[::1]:7000"}, Password: "pa#ss", DB: 3, Pool: 7},
		"rediss://u:p@redis":                                       {Addrs: []string{"redis:6379"}, User: "u", Password: "p", TLS: true},
		"unix:///run/redis/s?db=2":                                 {Addrs: []string{"/run/redis/s"}, DB: 2},
		"unix://u:p@/run/redis/s":                                  {Addrs: []string{"/run/redis/s"}, User: "u", Password: "p"},
		"redis+sentinel://a,b:1/main/4?sentinel_user=s":            {Addrs: []string{"a:26379", "b:1"}, Master: "main", DB: 4, SentUs: "s"},
		"rediss+cluster://u:p@a,b:7001,[::1],[::2]:1?pool_size=20": {Addrs: []string{"a:6379", "b:7001", "[::1]:6379", "[::2]:1"}, User: "u", Password: "p", Cluster: true, TLS: true, Pool: 20},
	} {
		o, cluster, err := parse(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := parsed{o.Addrs, o.Username, o.Password, o.MasterName, o.SentinelUsername, o.DB, o.PoolSize, cluster, o.TLSConfig != nil}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
}

// TestBadURL: each mistake is told with what to do, and without the password.
func TestBadURL(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string][]string{
		"redis://u:sec/ret@redis":          {"are /, ?, # and @ in the user and password %-encoded"},
		"redis://u:sec?ret@redis":          {"%-encoded"},
		"":                                 {"scheme of the address is none of redis://"},
		"localhost:6379":                   {"scheme"},
		"http://u:secret@redis":            {"scheme"},
		"redis://u:sec%zzret@redis":        {"%-encoded"},
		"redis://u:secret@":                {"empty host"},
		"redis://u:secret@redis:0":         {`"redis:0" is not a host and a port`},
		"redis://u:secret@a,b":             {"redis+cluster:// or redis+sentinel:// for several"},
		"redis://u:secret@redis/x":         {"database in the address is not a number"},
		"redis://u:secret@redis/-1":        {"database in the address is not a number"},
		"redis://u:secret@redis?pool=1":    {`no parameter "pool"`},
		"redis://u:secret@redis?ca=x":      {"use rediss://"},
		"redis://redis?password=secret":    {`no parameter "password"`},
		"redis://redis#secret":             {"fragment"},
		"redis+sentinel://u:secret@a":      {"name of the master"},
		"redis+cluster://u:secret@a/2":     {"only database 0"},
		"unix://u:secret@host/sock":        {"absolute path"},
		"rediss://redis?cert=x":            {"cert and key are needed together"},
		"rediss://redis?ca=" + empty:       {"has no certificate"},
		"rediss://redis?ca=/none/ca.pem":   {"/none/ca.pem"},
		"redis://r/x?pool_size=0&db_=1#f":  {"database", "pool_size is not a number above 0", `"db_"`, "fragment"},
		"redis://r?dial_timeout=5":         {"dial_timeout is not a duration"},
		"redis+cluster://u:secret@a,,b":    {"empty host"},
		"redis://u:secret@redis:port/0":    {`"redis:port" is not a host and a port`},
		"redis://u:secret@redis/0?a=secre": {`no parameter "a"`},
	} {
		_, err := Open(Options{URL: url})
		if err == nil {
			t.Errorf("%s is taken", url)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want %q", url, err, w)
			}
		}
		if strings.Contains(strings.ReplaceAll(err.Error(), "%-encoded", ""), "sec") {
			t.Errorf("%s: the password is told: %v", url, err)
		}
	}
}

var once = []ratelimit.Ask{{Counter: "c", Window: &ratelimit.Window{Limit: 10, Period: ratelimit.Year}, Hits: 1}}

// holds does everything once by the URL.
func holds(t *testing.T, url string) error {
	t.Helper()
	s := open(t, Options{URL: url})
	if _, err := s.Take(t.Context(), once); err != nil {
		return err
	}
	if err := s.SetRemaining(t.Context(), "c", *once[0].Window, 5); err != nil {
		return err
	}
	if err := s.AddUsage(t.Context(), []ratelimit.Usage{{Plan: "p", Key: "k", Allowed: 1}}); err != nil {
		return err
	}
	if _, err := s.Usage(t.Context(), "", time.Now(), time.Now()); err != nil {
		return err
	}
	return s.Ping(t.Context())
}

// TestAuth: users and passwords, by all ways in; what is wrong is told without them.
func TestAuth(t *testing.T) {
	server := redistest.Start(t)
	// What the documentation says that a user needs.
	server.Do("ACL", "SETUSER", "limits", "on", ">other", "~gatehouse:*", "+@read", "+@write", "+@scripting", "+@connection", "+time")
	server.Do("CONFIG", "SET", "requirepass", "pa/s#s")
	for url, want := range map[string]string{
		"redis://:pa%2Fs%23s@" + server.Addr():             "",
		"redis://limits:other@" + server.Addr() + "/1":     "",
		"unix://limits:other@" + server.Socket():           "",
		"redis://limits:wrong@" + server.Addr():            "WRONGPASS",
		"redis://" + server.Addr():                         "NOAUTH",
		"unix://" + server.Dir() + "/none?dial_timeout=1s": "no such file",
	} {
		err := holds(t, url)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "wrong@") || strings.Contains(err.Error(), "other")) {
			t.Errorf("the password is told: %v", err)
		}
	}
}

// TestTLS: Redis proves who it is, and wants the same of its clients.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	port := redistest.FreePort(t)
	server := redistest.Start(t, "--tls-port", port, "--tls-cert-file", at("cert.pem"), "--tls-key-file", at("key.pem"),
		"--tls-ca-cert-file", at("cert.pem"), "--tls-auth-clients", "yes")
	server.Do("PING")
	address, ca := "rediss://127.0.0.1:"+port, "ca="+at("cert.pem")
	client := "&cert=" + at("cert.pem") + "&key=" + at("key.pem")
	for url, want := range map[string]string{
		address + "?" + ca + client:                              "",
		address + "?" + ca + client + "&server_name=limits.test": "",
		address + "?" + ca + client + "&server_name=other.test":  "not other.test",
		address + "?" + ca:                                       "redis:",
		address + "?" + strings.TrimPrefix(client, "&"):          "unknown authority",
		"redis://127.0.0.1:" + port:                              "redis:",
	} {
		err := holds(t, url)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// writePair writes a certificate that is its own authority.
func writePair(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "limits.test"}, DNSNames: []string{"limits.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
