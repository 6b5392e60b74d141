package restapi

// Deployment is an immutable snapshot of an API; its content is a document of its own.
type Deployment struct {
	ID          string                               `json:"id,omitempty"`
	Description string                               `json:"description,omitempty"`
	CreatedDate Time                                 `json:"createdDate,omitzero"`
	APISummary  map[string]map[string]MethodSnapshot `json:"apiSummary,omitempty"`
}

// MethodSnapshot is what a deployment tells of a method.
type MethodSnapshot struct {
	AuthorizationType string `json:"authorizationType,omitempty"`
	APIKeyRequired    bool   `json:"apiKeyRequired"`
}

// Stage is a deployment that is served.
type Stage struct {
	DeploymentID         string                   `json:"deploymentId,omitempty"`
	ClientCertificateID  string                   `json:"clientCertificateId,omitempty"`
	StageName            string                   `json:"stageName,omitempty"`
	Description          string                   `json:"description,omitempty"`
	CacheClusterEnabled  bool                     `json:"cacheClusterEnabled"`
	CacheClusterSize     string                   `json:"cacheClusterSize,omitempty"` // 0.5 | 1.6 | 6.1 | 13.5 | 28.4 | 58.2 | 118 | 237
	CacheClusterStatus   string                   `json:"cacheClusterStatus"`         // CREATE_IN_PROGRESS | AVAILABLE | DELETE_IN_PROGRESS | NOT_AVAILABLE | FLUSH_IN_PROGRESS
	MethodSettings       map[string]MethodSetting `json:"methodSettings"`
	Variables            map[string]string        `json:"variables,omitempty"`
	DocumentationVersion string                   `json:"documentationVersion,omitempty"`
	AccessLogSettings    *AccessLogSettings       `json:"accessLogSettings,omitempty"`
	CanarySettings       *CanarySettings          `json:"canarySettings,omitempty"`
	TracingEnabled       bool                     `json:"tracingEnabled"`
	WebACLARN            string                   `json:"webAclArn,omitempty"`
	Tags                 map[string]string        `json:"tags,omitempty"`
	CreatedDate          Time                     `json:"createdDate,omitzero"`
	LastUpdatedDate      Time                     `json:"lastUpdatedDate,omitzero"`
}

// AccessLogSettings says where and how the requests of a stage are logged.
type AccessLogSettings struct {
	Format         string `json:"format,omitempty"`
	DestinationARN string `json:"destinationArn,omitempty"`
}

// CanarySettings sends a part of a stage's requests to another deployment.
type CanarySettings struct {
	PercentTraffic         float64           `json:"percentTraffic"`
	DeploymentID           string            `json:"deploymentId,omitempty"`
	StageVariableOverrides map[string]string `json:"stageVariableOverrides,omitempty"`
	UseStageCache          bool              `json:"useStageCache"`
}

// DeploymentCanarySettings are the canary settings of CreateDeployment.
type DeploymentCanarySettings struct {
	PercentTraffic         float64           `json:"percentTraffic,omitempty"`
	StageVariableOverrides map[string]string `json:"stageVariableOverrides,omitempty"`
	UseStageCache          bool              `json:"useStageCache,omitempty"`
}

// MethodSetting are settings of a method in a stage.
type MethodSetting struct {
	MetricsEnabled                         bool     `json:"metricsEnabled"`
	LoggingLevel                           string   `json:"loggingLevel,omitempty"`
	DataTraceEnabled                       bool     `json:"dataTraceEnabled"`
	ThrottlingBurstLimit                   *int     `json:"throttlingBurstLimit,omitempty"`
	ThrottlingRateLimit                    *float64 `json:"throttlingRateLimit,omitempty"`
	CachingEnabled                         bool     `json:"cachingEnabled"`
	CacheTTLInSeconds                      int      `json:"cacheTtlInSeconds"`
	CacheDataEncrypted                     bool     `json:"cacheDataEncrypted"`
	RequireAuthorizationForCacheControl    bool     `json:"requireAuthorizationForCacheControl"`
	UnauthorizedCacheControlHeaderStrategy string   `json:"unauthorizedCacheControlHeaderStrategy,omitempty"` // FAIL_WITH_403 | SUCCEED_WITH_RESPONSE_HEADER | SUCCEED_WITHOUT_RESPONSE_HEADER
}
