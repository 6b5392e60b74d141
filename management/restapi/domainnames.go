package restapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/management/domain"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) domainNameOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetDomainNames", Method: http.MethodGet, Path: "/domainnames", Status: http.StatusOK, Do: s.getDomainNames},
		{Name: "CreateDomainName", Method: http.MethodPost, Path: "/domainnames", Status: http.StatusCreated, Do: s.createDomainName},
		{Name: "GetDomainName", Method: http.MethodGet, Path: "/domainnames/{domain_name}", Status: http.StatusOK, Do: s.getDomainName},
		{Name: "UpdateDomainName", Method: http.MethodPatch, Path: "/domainnames/{domain_name}", Status: http.StatusOK, Do: s.updateDomainName},
		{Name: "DeleteDomainName", Method: http.MethodDelete, Path: "/domainnames/{domain_name}", Status: http.StatusAccepted, Do: s.deleteDomainName},
	}
}

var errNoDomainName = restjson.NotFound("Invalid domain name identifier specified")

// domainNameInput is what CreateDomainName is sent.
type domainNameInput struct {
	DomainName              string                   `json:"domainName"`
	CertificateName         string                   `json:"certificateName"`
	CertificateBody         string                   `json:"certificateBody"`
	CertificatePrivateKey   string                   `json:"certificatePrivateKey"`
	CertificateChain        string                   `json:"certificateChain"`
	CertificateARN          string                   `json:"certificateArn"`
	RegionalCertificateName string                   `json:"regionalCertificateName"`
	RegionalCertificateARN  string                   `json:"regionalCertificateArn"`
	EndpointConfiguration   *EndpointConfiguration   `json:"endpointConfiguration"`
	Tags                    map[string]string        `json:"tags"`
	SecurityPolicy          string                   `json:"securityPolicy"`
	EndpointAccessMode      string                   `json:"endpointAccessMode"`
	MutualTLSAuthentication *MutualTLSAuthentication `json:"mutualTlsAuthentication"`
	OwnershipARN            string                   `json:"ownershipVerificationCertificateArn"`
	Policy                  string                   `json:"policy"`
	RoutingMode             string                   `json:"routingMode"`
}

func (s *Service) createDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	var in domainNameInput
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	n, err := in.name(c.Region)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*DomainName, error) {
		if err := domain.Create(tx, c.Region, n); err != nil {
			if errors.Is(err, domain.ErrExists) {
				return nil, restjson.BadRequest("The domain name you provided already exists.")
			}
			return nil, err
		}
		return s.shownDomain(c, n), s.checkDomain(ctx, tx, c.Region, n.Name)
	})
}

// name makes the domain name that is asked for.
func (in *domainNameInput) name(region string) (*domain.Name, error) {
	endpoint := EndpointConfiguration{}
	if in.EndpointConfiguration != nil {
		endpoint = *in.EndpointConfiguration
	}
	if len(endpoint.Types) == 0 {
		endpoint.Types = []string{domain.Edge}
	}
	n := &domain.Name{
		Name: strings.ToLower(in.DomainName), EndpointAccess: in.EndpointAccessMode, RoutingMode: cmp.Or(in.RoutingMode, domain.ByMapping), Policy: in.Policy, Tags: in.Tags,
	}
	if m := in.MutualTLSAuthentication; m != nil && (m.TruststoreURI != "" || m.TruststoreVersion != "") {
		n.MutualTLS = &domain.MutualTLS{TruststoreURI: m.TruststoreURI, TruststoreVersion: m.TruststoreVersion}
	}
	for _, kind := range endpoint.Types {
		e := domain.Endpoint{
			Type: kind, CertificateARN: in.CertificateARN, CertificateName: in.CertificateName, OwnershipVerificationARN: in.OwnershipARN,
			Status: domain.Available, SecurityPolicy: cmp.Or(in.SecurityPolicy, domain.DefaultSecurity),
			IPAddressType: cmp.Or(endpoint.IPAddressType, defaultIPAddressType(kind)), VPCEndpointIDs: endpoint.VPCEndpointIDs,
		}
		if kind == domain.Regional {
			e.CertificateARN, e.CertificateName = in.RegionalCertificateARN, in.RegionalCertificateName
		}
		if kind == domain.Private {
			n.ID = domain.PrivateID()
		} else {
			e.Target, e.HostedZoneID = domain.Target(kind, region)
		}
		// Clients such as Terraform take it for granted that a certificate has a date,
		// one that is only named too.
		if e.CertificateARN != "" {
			e.CertificateUploadDate = now().Time
		}
		n.Endpoints = append(n.Endpoints, e)
	}
	var p problems
	in.checkCertificate(&p, n)
	p.tags(in.Tags)
	checkDomainName(&p, n)
	return n, p.err()
}

func defaultIPAddressType(kind string) string {
	if kind == domain.Private {
		return "dualstack"
	}
	return domain.DefaultIPAddressType
}

// checkCertificate takes a certificate that is sent along.
func (in *domainNameInput) checkCertificate(p *problems, n *domain.Name) {
	if in.CertificateBody == "" && in.CertificatePrivateKey == "" && in.CertificateChain == "" {
		return
	}
	switch {
	case in.CertificateBody == "" || in.CertificatePrivateKey == "":
		p.add("certificateBody and certificatePrivateKey must be given together")
	case in.CertificateARN != "" || in.RegionalCertificateARN != "":
		p.add("A certificate is given either by its ARN or by its text")
	default:
		chain := strings.TrimRight(in.CertificateBody, "\n") + "\n" + in.CertificateChain
		if _, err := tls.X509KeyPair([]byte(chain), []byte(in.CertificatePrivateKey)); err != nil {
			p.add("The certificate and the private key cannot be used: %v", err)
			return
		}
		n.Certificate = &domain.Certificate{Body: in.CertificateBody, Chain: in.CertificateChain, PrivateKey: in.CertificatePrivateKey}
		for i := range n.Endpoints {
			n.Endpoints[i].CertificateUploadDate = now().Time
		}
	}
}

// securityPolicies are Amazon's names of the least TLS version and the ciphers.
var securityPolicies = regexp.MustCompile(`^(TLS_1_0|TLS_1_2|SecurityPolicy_[A-Za-z0-9_]{1,80})$`)

// checkDomainName checks what is to be kept of a domain name.
func checkDomainName(p *problems, n *domain.Name) {
	switch {
	case n.Name == "":
		p.add("No Domain Name specified")
	case !domain.ValidName(n.Name):
		p.add("Invalid domain name specified: %s", shortened(n.Name))
	}
	p.enum("endpointAccessMode", n.EndpointAccess, "BASIC", "STRICT")
	p.enum("routingMode", n.RoutingMode, domain.ByMapping, domain.ByRule, domain.ByRuleThenMapping)
	if m := n.MutualTLS; m != nil && !domain.ValidTruststore(m.TruststoreURI) {
		p.add("Invalid truststore URI specified: '%s'. It must be as s3://bucket/key", shortened(m.TruststoreURI))
	}
	if n.Policy != "" && !json.Valid([]byte(n.Policy)) {
		p.add("Invalid policy document. Please check the policy syntax and ensure that Principals are valid.")
	}
	kinds := map[string]bool{}
	for _, e := range n.Endpoints {
		p.enum("endpointConfiguration.types", e.Type, domain.Regional, domain.Edge, domain.Private)
		p.enum("endpointConfiguration.ipAddressType", e.IPAddressType, "ipv4", "dualstack")
		switch {
		case kinds[e.Type]:
			p.add("The endpoint type %s is given twice", shortened(e.Type))
		case e.Type == domain.Private && e.IPAddressType == "ipv4":
			p.add("Only dualstack ipAddressType is supported for Private domain names.")
		case e.Type == domain.Private && n.MutualTLS != nil, e.Type == domain.Edge && n.MutualTLS != nil:
			p.add("Mutual TLS is supported for regional domain names only")
		}
		kinds[e.Type] = true
		for _, arn := range []string{e.CertificateARN, e.OwnershipVerificationARN} {
			if arn != "" && !domain.ValidCertificate(arn) {
				p.add("Invalid ARN. ARN is not well formed %s", shortened(arn))
			}
		}
		if !securityPolicies.MatchString(e.SecurityPolicy) {
			p.constraint(e.SecurityPolicy, "securityPolicy", "Member must satisfy enum value set: [TLS_1_0, TLS_1_2]")
		}
	}
	if kinds[domain.Private] && len(kinds) > 1 {
		p.add("A private domain name has no other endpoint types")
	}
	if len(n.Endpoints) == 0 {
		p.add("A domain name needs an endpoint type")
	}
}

// shownDomain is a domain name as this service tells it: members of its kinds of
// endpoints have names of their own.
func (s *Service) shownDomain(c *restjson.Call, n *domain.Name) *DomainName {
	out := &DomainName{
		DomainName: n.Name, DomainNameID: n.ID, DomainNameARN: domainARN(c, n), EndpointAccessMode: n.EndpointAccess, Tags: n.Tags,
		ManagementPolicy: n.ManagementPolicy, Policy: n.Policy, RoutingMode: n.RoutingMode, EndpointConfiguration: &EndpointConfiguration{},
	}
	for _, e := range n.Endpoints {
		out.EndpointConfiguration.Types = append(out.EndpointConfiguration.Types, e.Type)
		out.EndpointConfiguration.IPAddressType, out.EndpointConfiguration.VPCEndpointIDs = e.IPAddressType, e.VPCEndpointIDs
		out.DomainNameStatus, out.DomainNameStatusMessage, out.SecurityPolicy = e.Status, e.StatusMessage, e.SecurityPolicy
		out.OwnershipVerificationCertificateARN = e.OwnershipVerificationARN
		if !e.CertificateUploadDate.IsZero() {
			out.CertificateUploadDate = Time{e.CertificateUploadDate}
		}
		target := s.address().Target(e.Target)
		switch e.Type {
		case domain.Regional:
			out.RegionalDomainName, out.RegionalHostedZoneID = target, e.HostedZoneID
			out.RegionalCertificateARN, out.RegionalCertificateName = e.CertificateARN, e.CertificateName
		default:
			out.DistributionDomainName, out.DistributionHostedZoneID = target, e.HostedZoneID
			out.CertificateARN, out.CertificateName = e.CertificateARN, e.CertificateName
		}
	}
	if m := n.MutualTLS; m != nil {
		out.MutualTLSAuthentication = &MutualTLSAuthentication{m.TruststoreURI, m.TruststoreVersion, m.TruststoreWarnings}
	}
	return out
}

// domainARN is the ARN that a domain name's tags and policies are told by.
func domainARN(c *restjson.Call, n *domain.Name) string {
	if n.ID != "" {
		return "arn:aws:apigateway:" + c.Region + ":" + c.AccountID + ":/domainnames/" + n.Name + "+" + n.ID
	}
	return "arn:aws:apigateway:" + c.Region + "::/domainnames/" + n.Name
}

// readDomain reads the domain name that a call is about.
func readDomain(r store.Reader, c *restjson.Call) (*domain.Name, error) {
	name := c.Params["domain_name"]
	if !isSegment(name) {
		return nil, errNoDomainName
	}
	n, err := domain.Get(r, c.Region, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoDomainName
	}
	if err != nil {
		return nil, err
	}
	if id := c.Query.Get("domainNameId"); id != "" && id != n.ID {
		return nil, errNoDomainName
	}
	return n, nil
}

func (s *Service) getDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*DomainName, error) {
		n, err := readDomain(r, c)
		if err != nil {
			return nil, err
		}
		return s.shownDomain(c, n), nil
	})
}

func (s *Service) getDomainNames(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[*DomainName], error) {
		shown := []*DomainName{}
		names, err := domain.Names(r, c.Region)
		if err != nil {
			return page[*DomainName]{}, err
		}
		// What other accounts share with this one is none.
		if c.Query.Get("resourceOwner") != "OTHER_ACCOUNTS" {
			for _, n := range names {
				shown = append(shown, s.shownDomain(c, n))
			}
		}
		return pageOf(c, shown)
	})
}

func (s *Service) deleteDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		n, err := readDomain(tx, c)
		if err != nil {
			return err
		}
		return domain.Delete(tx, c.Region, n.Name)
	})
}

func (s *Service) updateDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*DomainName, error) {
		n, err := readDomain(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(n, operations, pathsListed, domainRules(c.Region)); err != nil {
			return nil, err
		}
		if m := n.MutualTLS; m != nil && m.TruststoreURI == "" && m.TruststoreVersion == "" {
			n.MutualTLS = nil
		}
		var p problems
		checkDomainName(&p, n)
		if err := p.err(); err != nil {
			return nil, err
		}
		if err := domain.Put(tx, c.Region, n); err != nil {
			return nil, err
		}
		return s.shownDomain(c, n), s.checkDomain(ctx, tx, c.Region, n.Name)
	})
}

// domainRules are what may be patched of a domain name.
func domainRules(region string) []patchRule[domain.Name] {
	// certificate changes what one kind of endpoint has.
	certificate := func(path string, regional bool, field func(*domain.Endpoint) *string) patchRule[domain.Name] {
		return patchRule[domain.Name]{path, opAddRemoveReplace, func(n *domain.Name, o patchOperation, _ []string) error {
			for i := range n.Endpoints {
				e := &n.Endpoints[i]
				if (e.Type == domain.Regional) != regional {
					continue
				}
				if *field(e) = o.text(); o.Op == "remove" {
					*field(e) = ""
				}
				// A certificate that was uploaded gives way to one that is named.
				n.Certificate, e.CertificateUploadDate = nil, time.Time{}
				if e.CertificateARN != "" {
					e.CertificateUploadDate = now().Time
				}
				return nil
			}
			return restjson.BadRequest("Invalid patch path  '%s' specified for op '%s'. The domain name has no such endpoint", o.path(), o.Op)
		}}
	}
	every := func(field func(*domain.Endpoint) *string) func(*domain.Name, patchOperation, []string) error {
		return func(n *domain.Name, o patchOperation, _ []string) error {
			for i := range n.Endpoints {
				if *field(&n.Endpoints[i]) = o.text(); o.Op == "remove" {
					*field(&n.Endpoints[i]) = ""
				}
			}
			return nil
		}
	}
	mutual := func(n *domain.Name) *domain.MutualTLS {
		if n.MutualTLS == nil {
			n.MutualTLS = &domain.MutualTLS{}
		}
		return n.MutualTLS
	}
	return []patchRule[domain.Name]{
		certificate("/certificateName", false, func(e *domain.Endpoint) *string { return &e.CertificateName }),
		certificate("/certificateArn", false, func(e *domain.Endpoint) *string { return &e.CertificateARN }),
		certificate("/regionalCertificateName", true, func(e *domain.Endpoint) *string { return &e.CertificateName }),
		certificate("/regionalCertificateArn", true, func(e *domain.Endpoint) *string { return &e.CertificateARN }),
		{"/ownershipVerificationCertificateArn", opAddRemoveReplace, every(func(e *domain.Endpoint) *string { return &e.OwnershipVerificationARN })},
		{"/endpointConfiguration/types", opAddRemove, func(n *domain.Name, o patchOperation, _ []string) error { return patchEndpoints(n, o, region) }},
		{"/endpointConfiguration/types/{}", opReplace, func(n *domain.Name, o patchOperation, names []string) error {
			if err := patchEndpoints(n, patchOperation{Op: "remove", Value: &names[0]}, region); err != nil {
				return err
			}
			return patchEndpoints(n, patchOperation{Op: "add", Value: o.Value}, region)
		}},
		{"/endpointConfiguration/ipAddressType", opReplace, every(func(e *domain.Endpoint) *string { return &e.IPAddressType })},
		{"/mutualTlsAuthentication/truststoreUri", opAddRemoveReplace, patchText(func(n *domain.Name) *string { return &mutual(n).TruststoreURI })},
		{"/mutualTlsAuthentication/truststoreVersion", opAddRemoveReplace, patchText(func(n *domain.Name) *string { return &mutual(n).TruststoreVersion })},
		{"/securityPolicy", opReplace, every(func(e *domain.Endpoint) *string { return &e.SecurityPolicy })},
		{"/endpointAccessMode", opReplace, patchText(func(n *domain.Name) *string { return &n.EndpointAccess })},
		{"/routingMode", opReplace, patchText(func(n *domain.Name) *string { return &n.RoutingMode })},
		{"/managementPolicy", opReplace, patchText(func(n *domain.Name) *string { return &n.ManagementPolicy })},
		{"/policy", opReplace, patchText(func(n *domain.Name) *string { return &n.Policy })},
	}
}

// patchEndpoints adds a kind of endpoint to a domain name, or takes one away. The new one
// begins with the policy of what is there.
func patchEndpoints(n *domain.Name, o patchOperation, region string) error {
	kind := o.text()
	at := slices.IndexFunc(n.Endpoints, func(e domain.Endpoint) bool { return e.Type == kind })
	switch {
	case o.Op == "remove" && at < 0:
		return restjson.BadRequest("Invalid endpoint type specified: '%s'. The domain name has no such endpoint", shortened(kind))
	case o.Op == "remove":
		n.Endpoints = slices.Delete(n.Endpoints, at, at+1)
	case at < 0:
		e := domain.Endpoint{Type: kind, Status: domain.Available, SecurityPolicy: domain.DefaultSecurity, IPAddressType: defaultIPAddressType(kind)}
		if len(n.Endpoints) > 0 {
			e.SecurityPolicy, e.IPAddressType = n.Endpoints[0].SecurityPolicy, n.Endpoints[0].IPAddressType
		}
		e.Target, e.HostedZoneID = domain.Target(kind, region)
		n.Endpoints = append(n.Endpoints, e)
	}
	return nil
}
