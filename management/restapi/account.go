package restapi

// APIKey is an API key.
type APIKey struct {
	ID              string            `json:"id,omitempty"`
	Value           string            `json:"value,omitempty"`
	Name            string            `json:"name,omitempty"`
	CustomerID      string            `json:"customerId,omitempty"`
	Description     string            `json:"description,omitempty"`
	Enabled         bool              `json:"enabled"`
	CreatedDate     Time              `json:"createdDate,omitzero"`
	LastUpdatedDate Time              `json:"lastUpdatedDate,omitzero"`
	StageKeys       []string          `json:"stageKeys"`
	Tags            map[string]string `json:"tags,omitempty"`
}

// UsagePlan says how much the holders of keys may call.
type UsagePlan struct {
	ID          string            `json:"id,omitempty"`
	Name        string            `json:"name,omitempty"`
	Description string            `json:"description,omitempty"`
	APIStages   []APIStage        `json:"apiStages,omitempty"`
	Throttle    *ThrottleSettings `json:"throttle,omitempty"`
	Quota       *QuotaSettings    `json:"quota,omitempty"`
	ProductCode string            `json:"productCode,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// APIStage is a stage of a usage plan.
type APIStage struct {
	APIID    string                      `json:"apiId,omitempty"`
	Stage    string                      `json:"stage,omitempty"`
	Throttle map[string]ThrottleSettings `json:"throttle,omitempty"`
}

// QuotaSettings limit the requests of a period.
type QuotaSettings struct {
	Limit  int    `json:"limit,omitempty"`
	Offset int    `json:"offset,omitempty"`
	Period string `json:"period,omitempty"` // DAY | WEEK | MONTH
}

// ThrottleSettings limit the requests of a second.
type ThrottleSettings struct {
	BurstLimit *int     `json:"burstLimit,omitempty"`
	RateLimit  *float64 `json:"rateLimit,omitempty"`
}

// UsagePlanKey is a key of a usage plan.
type UsagePlanKey struct {
	ID    string `json:"id,omitempty"`
	Type  string `json:"type,omitempty"`
	Value string `json:"value,omitempty"`
	Name  string `json:"name,omitempty"`
}

// DomainName is a custom domain.
type DomainName struct {
	DomainName                          string                   `json:"domainName,omitempty"`
	DomainNameID                        string                   `json:"domainNameId,omitempty"`
	DomainNameARN                       string                   `json:"domainNameArn,omitempty"`
	CertificateName                     string                   `json:"certificateName,omitempty"`
	CertificateARN                      string                   `json:"certificateArn,omitempty"`
	CertificateUploadDate               Time                     `json:"certificateUploadDate,omitzero"`
	RegionalDomainName                  string                   `json:"regionalDomainName,omitempty"`
	RegionalHostedZoneID                string                   `json:"regionalHostedZoneId,omitempty"`
	RegionalCertificateName             string                   `json:"regionalCertificateName,omitempty"`
	RegionalCertificateARN              string                   `json:"regionalCertificateArn,omitempty"`
	DistributionDomainName              string                   `json:"distributionDomainName,omitempty"`
	DistributionHostedZoneID            string                   `json:"distributionHostedZoneId,omitempty"`
	EndpointConfiguration               *EndpointConfiguration   `json:"endpointConfiguration,omitempty"`
	DomainNameStatus                    string                   `json:"domainNameStatus,omitempty"` // AVAILABLE | UPDATING | PENDING | PENDING_CERTIFICATE_REIMPORT | PENDING_OWNERSHIP_VERIFICATION | FAILED
	DomainNameStatusMessage             string                   `json:"domainNameStatusMessage,omitempty"`
	SecurityPolicy                      string                   `json:"securityPolicy,omitempty"`
	EndpointAccessMode                  string                   `json:"endpointAccessMode,omitempty"` // BASIC | STRICT
	Tags                                map[string]string        `json:"tags,omitempty"`
	MutualTLSAuthentication             *MutualTLSAuthentication `json:"mutualTlsAuthentication,omitempty"`
	OwnershipVerificationCertificateARN string                   `json:"ownershipVerificationCertificateArn,omitempty"`
	ManagementPolicy                    string                   `json:"managementPolicy,omitempty"`
	Policy                              string                   `json:"policy,omitempty"`
	RoutingMode                         string                   `json:"routingMode,omitempty"` // BASE_PATH_MAPPING_ONLY | ROUTING_RULE_ONLY | ROUTING_RULE_THEN_BASE_PATH_MAPPING
}

// MutualTLSAuthentication is what client certificates are verified with.
type MutualTLSAuthentication struct {
	TruststoreURI      string   `json:"truststoreUri,omitempty"`
	TruststoreVersion  string   `json:"truststoreVersion,omitempty"`
	TruststoreWarnings []string `json:"truststoreWarnings,omitempty"`
}

// BasePathMapping maps a base path of a domain to a stage.
type BasePathMapping struct {
	BasePath  string `json:"basePath,omitempty"`
	RestAPIID string `json:"restApiId,omitempty"`
	Stage     string `json:"stage,omitempty"`
}

// VPCLink is a private way to backends.
type VPCLink struct {
	ID            string            `json:"id,omitempty"`
	Name          string            `json:"name,omitempty"`
	Description   string            `json:"description,omitempty"`
	TargetARNs    []string          `json:"targetArns,omitempty"`
	Status        string            `json:"status,omitempty"` // AVAILABLE | PENDING | DELETING | FAILED
	StatusMessage string            `json:"statusMessage,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
}

// ClientCertificate is what backends know the gateway by.
type ClientCertificate struct {
	ClientCertificateID   string            `json:"clientCertificateId,omitempty"`
	Description           string            `json:"description,omitempty"`
	PemEncodedCertificate string            `json:"pemEncodedCertificate,omitempty"`
	CreatedDate           Time              `json:"createdDate,omitzero"`
	ExpirationDate        Time              `json:"expirationDate,omitzero"`
	Tags                  map[string]string `json:"tags,omitempty"`
}

// Account are the settings of an account in a region.
type Account struct {
	CloudwatchRoleARN string            `json:"cloudwatchRoleArn,omitempty"`
	ThrottleSettings  *ThrottleSettings `json:"throttleSettings,omitempty"`
	Features          []string          `json:"features,omitempty"`
	APIKeyVersion     string            `json:"apiKeyVersion,omitempty"`
}
