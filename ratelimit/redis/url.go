package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// forms of URLs, for errors.
const forms = "redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://"

// parse makes go-redis's options of a URL. No error has a part of the URL that may be
// the password. All that is wrong is told at once.
func parse(text string) (*redis.UniversalOptions, bool, error) {
	// Several hosts are not a URL's, so they are taken out.
	text, hosts, ok := cutHosts(text)
	if !ok {
		// What seems to be the host may be part of a password.
		return nil, false, errors.New("redis: an @ follows the host in the address: are /, ?, # and @ in the user and password %-encoded?")
	}
	u, err := url.Parse(text)
	if err != nil {
		// url.Error quotes the whole, with the password.
		return nil, false, errors.New("redis: the address is not a URL: is a character in the user or password not %-encoded? It must begin with " + forms)
	}
	o := &redis.UniversalOptions{}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("redis: "+format, args...)) }
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	secure := strings.HasPrefix(u.Scheme, "rediss")
	kind := strings.TrimPrefix(strings.TrimPrefix(u.Scheme, "redis"), "s")
	q := query{values: u.Query(), wrong: wrong}
	cluster := false
	path := strings.Trim(u.Path, "/")
	switch {
	case u.Scheme == "unix":
		o.Addrs = []string{u.Path}
		if hosts != "" || !strings.HasPrefix(u.Path, "/") || path == "" {
			wrong("unix:// needs an absolute path, as in unix:///run/redis/redis.sock?db=0")
		}
		path = q.take("db")
	case u.Scheme == "redis" || u.Scheme == "rediss":
		o.Addrs = addresses(hosts, "6379", wrong)
		if len(o.Addrs) > 1 {
			wrong("%s:// is one server; use %s+cluster:// or %s+sentinel:// for several", u.Scheme, u.Scheme, u.Scheme)
		}
	case kind == "+sentinel":
		o.Addrs = addresses(hosts, "26379", wrong)
		o.MasterName, path, _ = strings.Cut(path, "/")
		if o.MasterName == "" {
			wrong("%s:// needs the name of the master as its path, as in %s://host:26379/mymaster/0", u.Scheme, u.Scheme)
		}
		o.SentinelUsername, o.SentinelPassword = q.take("sentinel_user"), q.take("sentinel_password")
	case kind == "+cluster":
		o.Addrs = addresses(hosts, "6379", wrong)
		cluster, o.IsClusterMode = true, true
	default:
		wrong("the scheme of the address is none of %s", forms)
	}
	if path != "" {
		db, err := strconv.Atoi(path)
		switch {
		case err != nil || db < 0:
			wrong("the database in the address is not a number")
		case cluster && db != 0:
			wrong("a Cluster has only database 0")
		}
		o.DB = db
	}
	o.PoolSize = int(q.number("pool_size", 0))
	o.DialTimeout = q.duration("dial_timeout", time.Second)
	o.TLSConfig = q.tls(secure, wrong)
	q.rest()
	if u.Fragment != "" {
		wrong("the address has a fragment (#); a # in a password is written %%23")
	}
	return o, cluster, errors.Join(errs...)
}

// ParseURL makes go-redis's options of a URL as Open takes it, for what else is kept in
// the same Redis.
func ParseURL(text string) (*redis.UniversalOptions, error) {
	silence.Do(func() { redis.SetLogger(silent{}) })
	options, _, err := parse(text)
	if err != nil {
		return nil, err
	}
	options.DialerRetries = 1
	options.ContextTimeoutEnabled = true
	options.ClientName = "gatehouse"
	return options, nil
}

// cutHosts takes what is between user and path out of a URL. It is not ok when an @
// comes later.
func cutHosts(text string) (rest, hosts string, ok bool) {
	scheme, after, found := strings.Cut(text, "://")
	if !found {
		return text, "", true
	}
	end := strings.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	at := strings.LastIndexByte(after[:end], '@') + 1
	return scheme + "://" + after[:at] + after[end:], after[at:end], !strings.Contains(after[end:], "@")
}

// addresses splits hosts at commas and adds the port to those without.
func addresses(hosts, port string, wrong func(string, ...any)) []string {
	var all []string
	for _, host := range strings.Split(hosts, ",") {
		if h, p, err := net.SplitHostPort(host); err == nil {
			if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 || h == "" {
				wrong("%q is not a host and a port", host)
			}
			all = append(all, host)
			continue
		}
		bare := strings.Trim(host, "[]")
		if bare == "" {
			wrong("the address has an empty host")
			continue
		}
		all = append(all, net.JoinHostPort(bare, port))
	}
	return all
}

// query is what follows the ?, taken by name so that the rest can be refused.
type query struct {
	values url.Values
	wrong  func(string, ...any)
}

func (q query) take(name string) string {
	v := q.values.Get(name)
	q.values.Del(name)
	return v
}

func (q query) number(name string, otherwise int64) int64 {
	text := q.take(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		q.wrong("%s is not a number above 0", name)
	}
	return n
}

func (q query) duration(name string, otherwise time.Duration) time.Duration {
	text := q.take(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		q.wrong("%s is not a duration, as in 500ms", name)
	}
	return d
}

func (q query) rest() {
	for name := range q.values {
		switch name {
		case "ca", "cert", "key", "server_name":
			q.wrong("%s is for TLS: use rediss://", name)
		default:
			q.wrong("there is no parameter %q in the address", name)
		}
		return // one is enough, and which comes first must not matter
	}
}

// tls reads the files that the query names.
func (q query) tls(secure bool, wrong func(string, ...any)) *tls.Config {
	if !secure {
		return nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: q.take("server_name")}
	if file := q.take("ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			wrong("ca: %v", err)
		} else if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			wrong("ca: %s has no certificate", file)
		}
	}
	cert, key := q.take("cert"), q.take("key")
	switch {
	case (cert == "") != (key == ""):
		wrong("cert and key are needed together")
	case cert != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			wrong("cert and key: %v", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}
