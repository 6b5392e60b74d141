package native

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// Certificate is what the ARN of a certificate stands for.
type Certificate struct {
	ARN         string
	Certificate string
	Key         gateway.Secret
	Source      gateway.Position
}

// Truststore is what the URI of a truststore stands for.
type Truststore struct {
	URI, CA, CRL string
	Source       gateway.Position
}

func parseCertificate(v source.Value) Certificate {
	o := v.Object()
	c := Certificate{
		ARN:         o.RequireText("arn"),
		Certificate: pemOf(o.Require("certificate")),
		Key:         gateway.Secret(pemOf(o.Require("key"))),
		Source:      v.Pos(),
	}
	o.Done()
	return c
}

func parseTruststore(v source.Value) Truststore {
	o := v.Object()
	t := Truststore{URI: o.RequireText("uri"), CA: pemOf(o.Require("clientCA")), CRL: pemOf(o.Get("clientCRL")), Source: v.Pos()}
	o.Done()
	return t
}

func parseClientCertificate(v source.Value) gateway.ClientCertificate {
	o := v.Object()
	c := gateway.ClientCertificate{
		ID:          o.RequireText("id"),
		Certificate: pemOf(o.Require("certificate")),
		Key:         gateway.Secret(pemOf(o.Require("key"))),
		Source:      v.Pos(),
	}
	o.Done()
	return c
}

func parseVPCLink(v source.Value) gateway.VPCLink {
	o := v.Object()
	l := gateway.VPCLink{ID: o.RequireText("id"), Name: o.Get("name").Text(), Targets: o.Get("targets").Texts(), Source: v.Pos()}
	o.Done()
	return l
}
