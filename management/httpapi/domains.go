package httpapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse/management/domain"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Routing modes, as apigatewayv2 calls them.
const (
	routingByMapping         = "API_MAPPING_ONLY"
	routingByRule            = "ROUTING_RULE_ONLY"
	routingByRuleThenMapping = "ROUTING_RULE_THEN_API_MAPPING"
)

// routingModes are their names by those that are kept.
var routingModes = map[string]string{
	"": routingByMapping, domain.ByMapping: routingByMapping, domain.ByRule: routingByRule, domain.ByRuleThenMapping: routingByRuleThenMapping,
}

var domainMembers = []string{"domainName", "domainNameConfigurations", "mutualTlsAuthentication", "routingMode", "tags"}

var errUnknownDomain = notFound("DomainName", "Invalid domain name identifier specified")

func (s *Service) domainOperations() []restjson.Operation {
	const path = "/v2/domainnames"
	return []restjson.Operation{
		{Name: "GetDomainNames", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getDomainNames},
		{Name: "CreateDomainName", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createDomainName},
		{Name: "GetDomainName", Method: http.MethodGet, Path: path + "/{domainName}", Status: http.StatusOK, Do: s.getDomainName},
		{Name: "UpdateDomainName", Method: http.MethodPatch, Path: path + "/{domainName}", Status: http.StatusOK, Do: s.updateDomainName},
		{Name: "DeleteDomainName", Method: http.MethodDelete, Path: path + "/{domainName}", Status: http.StatusNoContent, Do: s.deleteDomainName},
	}
}

// domainOf reads the domain name that a call is about. Private ones are for apigateway
// only.
func domainOf(r store.Reader, c *restjson.Call) (*domain.Name, error) {
	n, err := domain.Get(r, c.Region, c.Params["domainName"])
	if errors.Is(err, store.ErrNotFound) || err == nil && n.Endpoint(domain.Private) != nil {
		return nil, errUnknownDomain
	}
	return n, err
}

// domainAnswer is a domain name as apigatewayv2 shows it.
func (s *Service) domainAnswer(region string, n *domain.Name) *DomainName {
	out := &DomainName{
		APIMappingSelectionExpression: "$request.basepath", DomainName: n.Name,
		DomainNameARN: "arn:aws:apigateway:" + region + "::/domainnames/" + n.Name,
		RoutingMode:   routingModes[n.RoutingMode], Tags: n.Tags,
	}
	for _, e := range n.Endpoints {
		out.DomainNameConfigurations = append(out.DomainNameConfigurations, DomainNameConfiguration{
			APIGatewayDomainName: s.address().Target(e.Target), CertificateARN: e.CertificateARN, CertificateName: e.CertificateName,
			CertificateUploadDate: e.CertificateUploadDate, DomainNameStatus: e.Status, DomainNameStatusMessage: e.StatusMessage,
			EndpointType: e.Type, HostedZoneID: e.HostedZoneID, IPAddressType: e.IPAddressType, SecurityPolicy: e.SecurityPolicy,
			OwnershipVerificationCertificateARN: e.OwnershipVerificationARN,
		})
	}
	if m := n.MutualTLS; m != nil {
		out.MutualTLSAuthentication = &MutualTLSAuthentication{
			TruststoreURI: m.TruststoreURI, TruststoreVersion: m.TruststoreVersion, TruststoreWarnings: m.TruststoreWarnings,
		}
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out
}

func (s *Service) getDomainNames(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[*DomainName], error) {
		kept, err := list(r, c, domain.NamesFolder(c.Region), func(n *domain.Name) bool { return n.Endpoint(domain.Private) == nil })
		if err != nil {
			return nil, err
		}
		answer := &page[*DomainName]{Items: []*DomainName{}, NextToken: kept.NextToken}
		for i := range kept.Items {
			answer.Items = append(answer.Items, s.domainAnswer(c.Region, &kept.Items[i]))
		}
		return answer, nil
	})
}

func (s *Service) getDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*DomainName, error) {
		n, err := domainOf(r, c)
		if err != nil {
			return nil, err
		}
		return s.domainAnswer(c.Region, n), nil
	})
}

func (s *Service) createDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, domainMembers...)
	if err != nil {
		return nil, err
	}
	var asked DomainName
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	name := strings.ToLower(asked.DomainName)
	var p problems
	in.require(&p, "domainName")
	if in.has("domainName") && !domain.ValidName(name) {
		p.add("Invalid domain name specified: %s", shorten(asked.DomainName))
	}
	if len(asked.DomainNameConfigurations) == 0 {
		p.add("A domain name needs one domainNameConfiguration")
	}
	checkDomain(&p, &asked)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*DomainName, error) {
		n := &domain.Name{Name: name, RoutingMode: domain.ByMapping, Tags: asked.Tags}
		setDomain(n, &asked, c.Region)
		if m := asked.MutualTLSAuthentication; m != nil && m.TruststoreURI != "" {
			n.MutualTLS = &domain.MutualTLS{TruststoreURI: m.TruststoreURI, TruststoreVersion: m.TruststoreVersion}
		}
		if err := checkMutualTLS(n); err != nil {
			return nil, err
		}
		if err := domain.Create(tx, c.Region, n); errors.Is(err, domain.ErrExists) {
			return nil, restjson.Conflict("The domain name you provided already exists.")
		} else if err != nil {
			return nil, err
		}
		return s.domainAnswer(c.Region, n), s.checkServed(ctx, tx, domain.NameKey(c.Region, n.Name))
	})
}

func (s *Service) updateDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, without(domainMembers, "domainName", "tags")...)
	if err != nil {
		return nil, err
	}
	var asked DomainName
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	trust, err := readTrust(in)
	if err != nil {
		return nil, err
	}
	var p problems
	checkDomain(&p, &asked)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*DomainName, error) {
		n, err := domainOf(tx, c)
		if err != nil {
			return nil, err
		}
		setDomain(n, &asked, c.Region)
		trust.over(n)
		if err := checkMutualTLS(n); err != nil {
			return nil, err
		}
		if err := domain.Put(tx, c.Region, n); err != nil {
			return nil, err
		}
		return s.domainAnswer(c.Region, n), s.checkServed(ctx, tx, domain.NameKey(c.Region, n.Name))
	})
}

func (s *Service) deleteDomainName(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		n, err := domainOf(tx, c)
		if err != nil {
			return err
		}
		return domain.Delete(tx, c.Region, n.Name)
	})
}

// setDomain lays what is asked for over a domain name. An endpoint keeps its target.
func setDomain(n *domain.Name, asked *DomainName, region string) {
	for kept, mode := range routingModes {
		if asked.RoutingMode == mode && kept != "" {
			n.RoutingMode = kept
		}
	}
	if len(asked.DomainNameConfigurations) > 0 {
		var endpoints []domain.Endpoint
		for _, wanted := range asked.DomainNameConfigurations {
			kind := cmp.Or(wanted.EndpointType, domain.Regional)
			e := domain.Endpoint{Type: kind, Status: domain.Available, SecurityPolicy: domain.DefaultSecurity, IPAddressType: domain.DefaultIPAddressType}
			if old := n.Endpoint(kind); old != nil {
				e = *old
			} else {
				e.Target, e.HostedZoneID = domain.Target(kind, region)
			}
			replace(&e.CertificateARN, wanted.CertificateARN)
			replace(&e.CertificateName, wanted.CertificateName)
			replace(&e.SecurityPolicy, wanted.SecurityPolicy)
			replace(&e.IPAddressType, wanted.IPAddressType)
			replace(&e.OwnershipVerificationARN, wanted.OwnershipVerificationCertificateARN)
			endpoints = append(endpoints, e)
		}
		n.Endpoints = endpoints
	}
}

// trust is what an update says of client certificates. Terraform's provider sends the version
// of a truststore alone when no more changes; who shows a certificate is asked for it still.
type trust struct {
	TruststoreURI     *string `json:"truststoreUri"`
	TruststoreVersion *string `json:"truststoreVersion"`
}

func readTrust(in input) (t trust, err error) {
	asked := struct {
		MutualTLSAuthentication trust `json:"mutualTlsAuthentication"`
	}{}
	err = in.into(&asked)
	return asked.MutualTLSAuthentication, err
}

// over lays it over a domain name. An empty location turns client certificates off.
func (t trust) over(n *domain.Name) {
	if t == (trust{}) {
		return
	}
	m := domain.MutualTLS{}
	if n.MutualTLS != nil {
		m = domain.MutualTLS{TruststoreURI: n.MutualTLS.TruststoreURI, TruststoreVersion: n.MutualTLS.TruststoreVersion}
	}
	if t.TruststoreURI != nil {
		m.TruststoreURI = *t.TruststoreURI
	}
	if t.TruststoreVersion != nil {
		m.TruststoreVersion = *t.TruststoreVersion
	}
	n.MutualTLS = nil
	if m.TruststoreURI != "" {
		n.MutualTLS = &m
	}
}

// replace sets a member that is asked for.
func replace(member *string, asked string) {
	if asked != "" {
		*member = asked
	}
}

func checkDomain(p *problems, asked *DomainName) {
	p.tags(asked.Tags)
	p.enum("routingMode", asked.RoutingMode, routingByMapping, routingByRule, routingByRuleThenMapping)
	if m := asked.MutualTLSAuthentication; m != nil && m.TruststoreURI != "" && !domain.ValidTruststore(m.TruststoreURI) {
		p.add("Invalid truststore URI specified: '%s'. It must be as s3://bucket/key", shorten(m.TruststoreURI))
	}
	var kinds []string
	for _, e := range asked.DomainNameConfigurations {
		p.enum("domainNameConfigurations.endpointType", e.EndpointType, domain.Regional, domain.Edge)
		p.enum("domainNameConfigurations.securityPolicy", e.SecurityPolicy, "TLS_1_0", "TLS_1_2")
		p.enum("domainNameConfigurations.ipAddressType", e.IPAddressType, "ipv4", "dualstack")
		if e.CertificateARN == "" {
			p.add("certificateArn is required for each domainNameConfiguration")
		}
		for _, arn := range []string{e.CertificateARN, e.OwnershipVerificationCertificateARN} {
			if arn != "" && !domain.ValidCertificate(arn) {
				p.add("Invalid ARN. ARN is not well formed %s", shorten(arn))
			}
		}
		kind := cmp.Or(e.EndpointType, domain.Regional)
		if slices.Contains(kinds, kind) {
			p.add("A domain name has one domainNameConfiguration for each endpoint type")
		}
		kinds = append(kinds, kind)
	}
}

// checkMutualTLS refuses client certificates where Amazon does.
func checkMutualTLS(n *domain.Name) error {
	if n.MutualTLS != nil && n.Endpoint(domain.Edge) != nil {
		return restjson.BadRequest("Mutual TLS is supported for regional domain names only")
	}
	return nil
}
