package domain

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"regexp"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// ErrExists is what a name or a path is refused with that is taken.
var ErrExists = errors.New("it exists already")

// nameForm is what a domain name may be: a host name of at least two labels, the first of
// which may be a wildcard.
var nameForm = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidName reports whether a domain can have this name.
func ValidName(name string) bool {
	return len(name) <= 255 && nameForm.MatchString(name) && net.ParseIP(name) == nil
}

// pathForm is what a base path may be, several segments included.
var pathForm = regexp.MustCompile(`^[A-Za-z0-9$\-_.+!*'()]+(/[A-Za-z0-9$\-_.+!*'()]+)*$`)

// MaxPath bounds a base path.
const MaxPath = 300

// ValidPath reports whether a mapping can have this path.
func ValidPath(path string) bool {
	return path == "" || len(path) <= MaxPath && pathForm.MatchString(path)
}

var (
	certificateForm = regexp.MustCompile(`^arn:aws[a-z-]*:(acm:[a-z0-9-]+:[0-9]{12}:certificate/|iam::[0-9]{12}:server-certificate/)[\w+=,.@/-]+$`)
	truststoreForm  = regexp.MustCompile(`^s3://[a-z0-9.-]{3,63}/\S+$`)
)

// ValidCertificate reports whether an ARN is one of a certificate.
func ValidCertificate(arn string) bool { return certificateForm.MatchString(arn) }

// ValidTruststore reports whether a URI is one of a truststore.
func ValidTruststore(uri string) bool { return len(uri) <= 1024 && truststoreForm.MatchString(uri) }

// Create writes a new domain name. ErrExists says that it is taken, be it in another
// region.
func Create(tx store.Tx, region string, n *Name) error {
	switch _, err := tx.Get(claimKey(n.Name)); {
	case err == nil:
		return ErrExists
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	tx.Put(claimKey(n.Name), []byte(`"`+region+`"`))
	return Put(tx, region, n)
}

// Put writes a domain name that is there already.
func Put(tx store.Tx, region string, n *Name) error {
	return store.WriteDocument(tx, NameKey(region, n.Name), n)
}

// Get reads a domain name, or answers store.ErrNotFound.
func Get(r store.Reader, region, name string) (*Name, error) {
	return store.ReadDocument[Name](r, NameKey(region, strings.ToLower(name)))
}

// Delete takes a domain name away with its mappings; store.ErrNotFound says that there
// is none.
func Delete(tx store.Tx, region, name string) error {
	n, err := Get(tx, region, name)
	if err != nil {
		return err
	}
	tx.Delete(NameKey(region, n.Name))
	tx.Delete(claimKey(n.Name))
	tx.DeleteAll(MappingsFolder(region, n.Name))
	tx.DeleteAll(RulesFolder(region, n.Name))
	return nil
}

// Names reads all domain names of a region, sorted.
func Names(r store.Reader, region string) ([]*Name, error) {
	return store.ReadDocuments[*Name](r, NamesFolder(region))
}

// CreateMapping writes a new mapping; ErrExists says that its path is taken.
func CreateMapping(tx store.Tx, region, name string, m *Mapping) error {
	switch _, err := tx.Get(MappingKey(region, name, m.Path)); {
	case err == nil:
		return ErrExists
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	m.ID = cmp.Or(m.ID, newMappingID())
	return store.WriteDocument(tx, MappingKey(region, name, m.Path), m)
}

// ReplaceMapping writes a mapping in the place of the one at a path, which may be another
// than its own.
func ReplaceMapping(tx store.Tx, region, name, path string, m *Mapping) error {
	if m.Path != path {
		tx.Delete(MappingKey(region, name, path))
		return CreateMapping(tx, region, name, m)
	}
	return store.WriteDocument(tx, MappingKey(region, name, path), m)
}

// GetMapping reads the mapping of a path, or answers store.ErrNotFound.
func GetMapping(r store.Reader, region, name, path string) (*Mapping, error) {
	return store.ReadDocument[Mapping](r, MappingKey(region, name, path))
}

// DeleteMapping takes the mapping of a path away.
func DeleteMapping(tx store.Tx, region, name, path string) {
	tx.Delete(MappingKey(region, name, path))
}

// Mappings reads all mappings of a domain name, sorted by their keys.
func Mappings(r store.Reader, region, name string) ([]*Mapping, error) {
	return store.ReadDocuments[*Mapping](r, MappingsFolder(region, name))
}

// Target makes the name that DNS is to point to, with the hosted zone that Amazon has for
// such names. Nothing here answers to it: point the domain to your Envoys instead.
func Target(kind, region string) (name, zone string) {
	if kind == Edge {
		return "d" + restjson.NewID(13) + ".cloudfront.net", "Z2FDTNDATAQYW2"
	}
	return "d-" + restjson.NewID(10) + ".execute-api." + region + ".amazonaws.com", cmp.Or(zones[region], "Z0000000000000000000")
}

// zones are Amazon's hosted zones of regional endpoints.
// See https://docs.aws.amazon.com/general/latest/gr/apigateway.html
var zones = map[string]string{
	"us-east-1": "Z1UJRXOUMOOFQ8", "us-east-2": "ZOJJZC49E0EPZ", "us-west-1": "Z2MUQ32089INYE", "us-west-2": "Z2OJLYMUO9EFXC",
	"eu-west-1": "ZLY8HYME6SFDD", "eu-west-2": "ZJ5UAJN8Y3Z2Q", "eu-west-3": "Z3KY65QIEKYHQQ", "eu-central-1": "Z1U9ULNL0V5AJ3",
	"ap-northeast-1": "Z1YSHQZHG15GKL", "ap-southeast-1": "ZL327KTPIQFUL", "ap-southeast-2": "Z2RPCDW04V8134", "ap-south-1": "Z3VO1THU9YC4UR",
	"sa-east-1": "ZCMLWB8V5SYIT", "ca-central-1": "Z19DQILCV0OWEC",
}

func newMappingID() string { return restjson.NewID(6) }

// PrivateID makes the id of a private domain name.
func PrivateID() string {
	id := make([]byte, 5)
	_, _ = rand.Read(id) // it does not fail
	return hex.EncodeToString(id)
}
