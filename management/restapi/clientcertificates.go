package restapi

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) clientCertificateOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetClientCertificates", Method: http.MethodGet, Path: "/clientcertificates", Status: http.StatusOK, Do: s.getClientCertificates},
		{Name: "GenerateClientCertificate", Method: http.MethodPost, Path: "/clientcertificates", Status: http.StatusCreated, Do: s.generateClientCertificate},
		{Name: "GetClientCertificate", Method: http.MethodGet, Path: "/clientcertificates/{clientcertificate_id}", Status: http.StatusOK, Do: s.getClientCertificate},
		{Name: "UpdateClientCertificate", Method: http.MethodPatch, Path: "/clientcertificates/{clientcertificate_id}", Status: http.StatusOK, Do: s.updateClientCertificate},
		{Name: "DeleteClientCertificate", Method: http.MethodDelete, Path: "/clientcertificates/{clientcertificate_id}", Status: http.StatusAccepted, Do: s.deleteClientCertificate},
	}
}

// ClientCertificatesFolder is where the client certificates of a region are.
func ClientCertificatesFolder(region string) string { return region + "/clientcertificates/" }

// StoredClientCertificate is a client certificate as it is kept: with its key, which is
// told to nobody.
type StoredClientCertificate struct {
	ClientCertificate
	PrivateKey string `json:"privateKey"`
}

var errNoClientCertificate = restjson.NotFound("Invalid Client Certificate identifier specified")

// certificateLife is how long Amazon's client certificates are good.
const certificateLife = 365 * 24 * time.Hour

// newClientCertificate makes a self-signed certificate with an RSA key of 2048 bits.
func newClientCertificate(begin time.Time) (certificate, key string, end time.Time, err error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", end, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return "", "", end, err
	}
	end = begin.Add(certificateLife)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "ApiGateway", Organization: []string{"Gatehouse"}},
		// Clocks differ.
		NotBefore: begin.Add(-time.Minute), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", end, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", end, err
	}
	text := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	return text("CERTIFICATE", signed), text("PRIVATE KEY", encoded), end, nil
}

func (s *Service) generateClientCertificate(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		Description string            `json:"description"`
		Tags        map[string]string `json:"tags"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	created := now()
	certificate, key, expires, err := newClientCertificate(created.Time)
	if err != nil {
		return nil, fmt.Errorf("a client certificate: %w", err)
	}
	return update(ctx, s, func(tx store.Tx) (*ClientCertificate, error) {
		stored := &StoredClientCertificate{PrivateKey: key, ClientCertificate: ClientCertificate{
			ClientCertificateID: restjson.NewID(6), Description: in.Description, PemEncodedCertificate: certificate,
			CreatedDate: created, ExpirationDate: Time{expires}, Tags: in.Tags,
		}}
		return &stored.ClientCertificate, store.WriteDocument(tx, ClientCertificatesFolder(c.Region)+stored.ClientCertificateID, stored)
	})
}

func readClientCertificate(r store.Reader, c *restjson.Call) (*StoredClientCertificate, error) {
	id := c.Params["clientcertificate_id"]
	if !isSegment(id) {
		return nil, errNoClientCertificate
	}
	return readRecord[StoredClientCertificate](r, ClientCertificatesFolder(c.Region)+id, errNoClientCertificate)
}

func (s *Service) getClientCertificate(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*ClientCertificate, error) {
		stored, err := readClientCertificate(r, c)
		if err != nil {
			return nil, err
		}
		return &stored.ClientCertificate, nil
	})
}

func (s *Service) getClientCertificates(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[ClientCertificate], error) {
		// Read as what is told, they have no keys.
		all, err := store.ReadDocuments[ClientCertificate](r, ClientCertificatesFolder(c.Region))
		if err != nil {
			return page[ClientCertificate]{}, err
		}
		return pageOf(c, all)
	})
}

func (s *Service) updateClientCertificate(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*ClientCertificate, error) {
		stored, err := readClientCertificate(tx, c)
		if err != nil {
			return nil, err
		}
		err = applyPatch(stored, operations, pathsListed, []patchRule[StoredClientCertificate]{
			{"/description", opReplace, patchText(func(s *StoredClientCertificate) *string { return &s.Description })},
		})
		if err != nil {
			return nil, err
		}
		return &stored.ClientCertificate, store.WriteDocument(tx, ClientCertificatesFolder(c.Region)+stored.ClientCertificateID, stored)
	})
}

func (s *Service) deleteClientCertificate(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		stored, err := readClientCertificate(tx, c)
		if err != nil {
			return err
		}
		if user, err := stageWithCertificate(tx, c.Region, stored.ClientCertificateID); err != nil || user != "" {
			if err == nil {
				err = restjson.BadRequest("Client Certificate %s is used by the stage %s", stored.ClientCertificateID, user)
			}
			return err
		}
		tx.Delete(ClientCertificatesFolder(c.Region) + stored.ClientCertificateID)
		return nil
	})
}

// stageWithCertificate finds a stage that shows a client certificate to its backends, as
// in "a1b2c3d4e5/prod"; none is empty.
func stageWithCertificate(r store.Reader, region, id string) (string, error) {
	for _, kind := range []string{"/restapis/", "/apis/"} {
		folder := region + kind
		apis, err := r.Children(folder)
		if err != nil {
			return "", err
		}
		for _, api := range apis {
			stages, err := store.ReadDocuments[struct {
				ClientCertificateID string `json:"clientCertificateId"`
				StageName           string `json:"stageName"`
			}](r, api.Key+"/stages/")
			if err != nil {
				return "", err
			}
			for _, stage := range stages {
				if stage.ClientCertificateID == id {
					return strings.TrimPrefix(api.Key, folder) + "/" + stage.StageName, nil
				}
			}
		}
	}
	return "", nil
}
