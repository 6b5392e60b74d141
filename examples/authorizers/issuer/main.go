// Command issuer stands for a login service: it makes a key, publishes its public
// half as a key set, and signs tokens with it. It also stands for one whose tokens are
// opaque, and which is asked about them.
//
//	go run ./examples/authorizers/issuer keys
//	go run ./examples/authorizers/issuer token sub=ann aud=pets "scope=pets.read pets.write"
//	go run ./examples/authorizers/issuer token -lifetime -1m sub=ann aud=pets
//	go run ./examples/authorizers/issuer opaque
//
// The key is for trying out only; keys never belong in a repository.
package main

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const usage = "usage: issuer keys [-dir DIR] | issuer token [-dir DIR] [-issuer URL] [-lifetime DURATION] CLAIM=VALUE... | issuer opaque [-addr HOST:PORT] [-issuer URL]"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "issuer:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet("issuer", flag.ExitOnError)
	dir := flags.String("dir", "examples/authorizers/keys", "folder of the keys")
	issuer := flags.String("issuer", "https://login.example.com", "the iss claim")
	lifetime := flags.Duration("lifetime", time.Hour, "how long the token is good for; a negative one is over already")
	addr := flags.String("addr", "127.0.0.1:9302", "where the issuer of opaque tokens is asked")
	// The flag set ends the program itself.
	_ = flags.Parse(args[1:])
	switch args[0] {
	case "keys":
		return makeKeys(*dir)
	case "opaque":
		return serveOpaque(*addr, *issuer, "gateway", cmp.Or(os.Getenv("INTROSPECTION_SECRET"), "introspection-example-secret"))
	case "token":
		now := time.Now()
		claims := map[string]any{"iss": *issuer, "iat": now.Unix(), "exp": now.Add(*lifetime).Unix()}
		for _, arg := range flags.Args() {
			name, value, ok := strings.Cut(arg, "=")
			if !ok {
				return fmt.Errorf("%q is not CLAIM=VALUE", arg)
			}
			claims[name] = value
		}
		token, err := sign(*dir, claims)
		if err != nil {
			return err
		}
		fmt.Println(token)
		return nil
	}
	return errors.New(usage)
}

// makeKeys writes issuer.key, with the private key, and jwks.json, with the public one.
func makeKeys(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	set, err := json.MarshalIndent(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID(&key.PublicKey),
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if err := replace(filepath.Join(dir, "issuer.key"), text, 0o600); err != nil {
		return err
	}
	return replace(filepath.Join(dir, "jwks.json"), set, 0o644)
}

// replace writes a file in one step, so that a running gateway never reads half of it.
func replace(path string, text []byte, mode os.FileMode) error {
	fresh := path + ".new"
	if err := os.WriteFile(fresh, text, mode); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// keyID names a key by what is in it, so that a new key has a new name.
func keyID(key *rsa.PublicKey) string {
	sum := sha256.Sum256(key.N.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// sign makes a token that is signed with the key of the folder.
func sign(dir string, claims map[string]any) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "issuer.key"))
	if err != nil {
		return "", fmt.Errorf("there is no key yet (issuer keys makes one): %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("issuer.key is not a PEM file")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return "", errors.New("issuer.key has another kind of key than RSA")
	}
	header, err := encode(map[string]string{"alg": "RS256", "typ": "JWT", "kid": keyID(&key.PublicKey)})
	if err != nil {
		return "", err
	}
	payload, err := encode(claims)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(header + "." + payload))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func encode(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}
