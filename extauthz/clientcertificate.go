package extauthz

import "gatehouse/internal/lambdaevent"

// clientCertificate is the certificate of the connection, nil without one.
func (r *request) clientCertificate() *lambdaevent.ClientCertificate {
	return lambdaevent.Certificate(r.attributes.GetSource().GetCertificate())
}
