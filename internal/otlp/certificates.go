package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// checkCertificates reads the files that the environment names for a collector with TLS. The
// library goes on without one that it cannot read, and without the others, too: it then trusts
// everybody whom the machine trusts, and nothing it sends is ever taken.
func checkCertificates() error {
	for _, signal := range []string{"", "METRICS_", "TRACES_", "LOGS_"} {
		prefix := "OTEL_EXPORTER_OTLP_" + signal
		if name := prefix + "CERTIFICATE"; os.Getenv(name) != "" {
			text, err := os.ReadFile(os.Getenv(name))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if !x509.NewCertPool().AppendCertsFromPEM(text) {
				return fmt.Errorf("%s: %s has no certificate in it (PEM is expected)", name, os.Getenv(name))
			}
		}
		certificate, key := os.Getenv(prefix+"CLIENT_CERTIFICATE"), os.Getenv(prefix+"CLIENT_KEY")
		if certificate == "" && key == "" {
			continue
		}
		if certificate == "" || key == "" {
			return fmt.Errorf("%[1]sCLIENT_CERTIFICATE and %[1]sCLIENT_KEY have no effect without each other: set both, or none", prefix)
		}
		if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
			return fmt.Errorf("%[1]sCLIENT_CERTIFICATE and %[1]sCLIENT_KEY: %[2]w", prefix, err)
		}
	}
	return nil
}
