package httpapi

import "strings"

// maxLogFormat is the longest format of an access log, in bytes.
const maxLogFormat = 3 << 10

// checkAccessLog checks where and how requests are logged.
func checkAccessLog(p *problems, settings *AccessLogSettings) {
	if settings == nil {
		return
	}
	if settings.DestinationARN == "" || settings.Format == "" {
		p.add("accessLogSettings must have both a destinationArn and a format")
		return
	}
	if arn := settings.DestinationARN; !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":logs:") && !strings.Contains(arn, ":firehose:") {
		p.add("Invalid ARN specified in the request. ARNs must start with 'arn:' and name a log group or a delivery stream: %s", shorten(arn))
	}
	format := strings.TrimSuffix(settings.Format, "\n")
	if strings.ContainsAny(format, "\r\n") {
		p.add("Access Log format must be single line, new line character is allowed only at end of the format")
	}
	if len(format) > maxLogFormat {
		p.add("Access Log format exceeds the limit of %d bytes", maxLogFormat)
	}
	if !strings.Contains(format, "context.requestId") && !strings.Contains(format, "context.extendedRequestId") {
		p.add("AccessLog Format should contain $context.requestId or $context.extendedRequestId")
	}
}

// checkRouteSettings checks settings of routes.
func checkRouteSettings(p *problems, a *API, member string, settings *RouteSettings) {
	p.enum(member+".loggingLevel", settings.LoggingLevel, "ERROR", "INFO", "OFF")
	if a.ProtocolType == protocolHTTP && (settings.DataTraceEnabled || settings.LoggingLevel != "" && settings.LoggingLevel != "OFF") {
		p.add("Execution logs are not supported on protocolType HTTP")
	}
	if limit := settings.ThrottlingBurstLimit; limit != nil && *limit < 0 {
		p.add("Invalid throttlingBurstLimit %d at %s: must not be negative", *limit, member)
	}
	if limit := settings.ThrottlingRateLimit; limit != nil && *limit < 0 {
		p.add("Invalid throttlingRateLimit %g at %s: must not be negative", *limit, member)
	}
}
