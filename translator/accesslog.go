package translator

import (
	"slices"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	fileaccessv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	filterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	setfilterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// accessLogFields are what a line of the access log has, as Envoy's formatters. The
// query is left out: signatures, keys and tokens travel there. What a request does not
// have is null.
var accessLogFields = map[string]string{
	"time":      "%START_TIME%",
	"requestId": "%STREAM_ID%",
	"client":    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
	"method":    kept(askedMethod),
	"host":      kept(askedHost),
	"path":      kept(askedPath),
	"protocol":  "%PROTOCOL%",
	// The client's own where it was kept, which it is not of requests that no filter has seen.
	"userAgent": `%COALESCE({"operators":[{"command":"FILTER_STATE","param":"` + askedUserAgent + `:PLAIN"},{"command":"REQ","param":"USER-AGENT"}]})%`,
	"api":       "%METADATA(ROUTE:" + wire.MetadataNamespace + ":" + wire.MetadataAPI + ")%",
	"stage":     "%METADATA(ROUTE:" + wire.MetadataNamespace + ":" + wire.MetadataStage + ")%",
	"route":     "%METADATA(ROUTE:" + wire.MetadataNamespace + ":" + wire.MetadataRoute + ")%",
	"status":    "%RESPONSE_CODE%",
	// details says what Envoy did: which check refused, which limit, what failed.
	"details": "%RESPONSE_CODE_DETAILS%",
	// refusal is the code of the service that refused, and limit the kind of the limit that
	// the request was over.
	"refusal":         firstOf(append(limitMetadata(wire.AnswerCode), wire.AuthorizationMetadata+":"+wire.AnswerCode)...),
	"limit":           firstOf(limitMetadata(wire.ToldKind)...),
	"principal":       "%DYNAMIC_METADATA(" + wire.AuthorizationMetadata + ":" + wire.AnswerAuthorizer + ":principalId)%",
	"userArn":         "%DYNAMIC_METADATA(" + wire.AuthorizationMetadata + ":" + wire.AnswerIdentity + ":userArn)%",
	"flags":           "%RESPONSE_FLAGS%",
	"requestBytes":    "%BYTES_RECEIVED%",
	"responseBytes":   "%BYTES_SENT%",
	"duration":        "%DURATION%",
	"integrationTime": "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%",
	"authorizerTime":  "%DYNAMIC_METADATA(" + wire.AuthorizationMetadata + ":ext_authz_duration)%",
}

// askedHost and the like keep what a client asked for, which is rewritten on the way to an
// integration. askedAll has it in one, as a wire.Asked, which costs less.
const (
	askedMethod    = "gw.asked-method"
	askedHost      = "gw.asked-host"
	askedPath      = "gw.asked-path"
	askedUserAgent = "gw.asked-user-agent"
	askedAll       = "gw.asked"
	// askedConnection is by what connection a request has come that is passed on.
	askedConnection = "gw.asked-connection"
)

// filterAsked keeps it, and runs unless a route switches it off. filterPassedAsked does so in
// later passes, and always: it keeps what the first has said of where the request came from,
// too, and those headers go no further.
const (
	filterAsked       = "gw.asked"
	filterPassedAsked = "gw.asked-passed"
)

// keepAsked is the filter of a pass.
func keepAsked(g *gateway.Gateway, in pass) *hcmv3.HttpFilter {
	var values []*filterstatev3.FilterStateValue
	if g.AccessLog != nil {
		values = append(values, keepText(askedMethod, "%REQ(:METHOD)%"), keepText(askedHost, "%REQ(:AUTHORITY)%"), keepText(askedPath, "%PATH(NQ)%"), keepAgent())
	}
	if g.Telemetry {
		values = append(values, keepText(askedAll, wire.Asked{Method: "%REQ(:METHOD)%", Host: "%REQ(:AUTHORITY)%", Path: "%PATH(NQ)%", UserAgent: "%REQ(USER-AGENT)%"}.String()))
	}
	if g.Telemetry && in != firstPass {
		values = append(values, keepText(askedConnection, "%REQ("+wire.ClientConnectionHeader+")%"))
	}
	if g.Telemetry && in != firstPass && namesNetworks(g) {
		values = append(values, keepText(keptSourceVPC, "%REQ("+wire.SourceVPCHeader+")%"), keepText(keptSourceVPCE, "%REQ("+wire.SourceVPCEHeader+")%"))
	}
	if in != firstPass {
		return keepTexts(filterPassedAsked, values...)
	}
	return keepTexts(filterAsked, values...)
}

// keepAgent has the user agent be empty where there is none, and not be taken for lost.
func keepAgent() *filterstatev3.FilterStateValue {
	agent := keepText(askedUserAgent, "%REQ(USER-AGENT)%")
	agent.GetFormatString().OmitEmptyValues = true
	return agent
}

// keepText keeps what a format gives as long as the request lasts.
func keepText(key, format string) *filterstatev3.FilterStateValue {
	return &filterstatev3.FilterStateValue{
		Key:        &filterstatev3.FilterStateValue_ObjectKey{ObjectKey: key},
		FactoryKey: "envoy.string",
		Value: &filterstatev3.FilterStateValue_FormatString{FormatString: &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: inlineString(format)},
		}},
	}
}

// kept is the format of what keepText has kept.
func kept(key string) string { return "%FILTER_STATE(" + key + ":PLAIN)%" }

func keepTexts(name string, values ...*filterstatev3.FilterStateValue) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name:       name,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&setfilterstatev3.Config{OnRequestHeaders: values})},
	}
}

// pass says which of the two passes of a path-form request a listener is for.
type pass int

const (
	firstPass pass = iota
	secondPass
	// toolPass is the one that a call of a tool is checked in.
	toolPass
)

// logRequests has a listener log its requests, where the gateway wants that. One by the
// path form is logged in its second pass, which knows the route, and not in its first.
func logRequests(m *hcmv3.HttpConnectionManager, g *gateway.Gateway, in pass, from downstream) {
	var logs []*accesslogv3.AccessLog
	if g.AccessLog != nil {
		logs = append(logs, accessLog(g.AccessLog))
		logRefusals(m)
	}
	if g.Telemetry {
		logs = append(logs, requestStream(g, in, from))
		// Behind what may have found a key, and before what refuses it: whose requests were
		// throttled is to be known.
		keys := slices.IndexFunc(m.HttpFilters, func(f *hcmv3.HttpFilter) bool { return f.Name == filterKeys })
		m.HttpFilters = slices.Insert(m.HttpFilters, keys+1, keepKey())
	}
	if logs == nil {
		return
	}
	for _, log := range logs {
		log.Filter = in.notPassedOn()
	}
	m.AccessLog = logs
	m.HttpFilters = append([]*hcmv3.HttpFilter{keepAsked(g, in)}, m.HttpFilters...)
}

// accessLog writes a line for each request.
func accessLog(l *gateway.AccessLog) *accesslogv3.AccessLog {
	fields := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(accessLogFields))}
	for name, format := range accessLogFields {
		fields.Fields[name] = structpb.NewStringValue(format)
	}
	return &accesslogv3.AccessLog{
		Name: "envoy.access_loggers.file",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: anyOf(&fileaccessv3.FileAccessLog{
			Path: l.Path,
			AccessLogFormat: &fileaccessv3.FileAccessLog_LogFormat{LogFormat: &corev3.SubstitutionFormatString{
				Format: &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: fields},
			}},
		})},
	}
}

// notPassedOn holds for requests that go through no further pass: the one before puts a
// header in where there is one. It is nil for the last.
func (in pass) notPassedOn() *accesslogv3.AccessLogFilter {
	header := ""
	switch in {
	case firstPass:
		header = wire.ClientAddressHeader
	case secondPass:
		// The same where a tool is called.
		header = wire.ToolHeader
	default:
		return nil
	}
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_HeaderFilter{
		HeaderFilter: &accesslogv3.HeaderFilter{Header: &routev3.HeaderMatcher{
			Name:                 header,
			HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true},
			InvertMatch:          true,
		}},
	}}
}
