package translator

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	gzipcompressorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/compression/gzip/compressor/v3"
	gzipdecompressorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/compression/gzip/decompressor/v3"
	compressorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/compressor/v3"
	decompressorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/decompressor/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
)

// unknownEncodingRoute answers 415 for request bodies that cannot be decompressed. It
// stands before all others below the base; nil when the API does not compress.
func (c *stageCompiler) unknownEncodingRoute() *routev3.Route {
	if c.deployment.MinimumCompressionSize == nil {
		return nil
	}
	match := c.everythingMatch("")
	known := headerMatcher("content-encoding", regexMatcher("(?i:gzip|identity)"))
	known.InvertMatch = true
	match.Headers = append(match.Headers, known,
		&routev3.HeaderMatcher{Name: "content-encoding", HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}})
	route := c.newRoute("unknown encoding", match)
	c.replyGatewayResponse(route, gateway.UnsupportedMediaType, "")
	return route
}

// compress adds response compression and request decompression, for REST APIs with
// a minimum compression size.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
//
// Answers that are streamed go out as they come: a compressor would hold back their
// beginning, and Amazon's gateway has none for them either.
func (c *stageCompiler) compress(in *gateway.Integration, extra *[]extraFilter) {
	size := c.deployment.MinimumCompressionSize
	if size == nil {
		return
	}
	*extra = append(*extra,
		extraFilter{"decompress", &decompressorv3.Decompressor{
			RequestDirectionConfig: &decompressorv3.Decompressor_RequestDirectionConfig{
				CommonConfig: &decompressorv3.Decompressor_CommonDirectionConfig{IgnoreNoTransformHeader: true},
			},
			DecompressorLibrary: &corev3.TypedExtensionConfig{Name: "gzip", TypedConfig: anyOf(&gzipdecompressorv3.Gzip{})},
			ResponseDirectionConfig: &decompressorv3.Decompressor_ResponseDirectionConfig{
				CommonConfig: &decompressorv3.Decompressor_CommonDirectionConfig{Enabled: &corev3.RuntimeFeatureFlag{
					DefaultValue: wrapperspb.Bool(false), RuntimeKey: "gatehouse.decompress_responses",
				}},
			},
		}})
	if in != nil && in.ResponseTransferMode == "STREAM" {
		return
	}
	*extra = append(*extra,
		extraFilter{"compress", &compressorv3.Compressor{
			CompressorLibrary: &corev3.TypedExtensionConfig{Name: "gzip", TypedConfig: anyOf(&gzipcompressorv3.Gzip{})},
			ResponseDirectionConfig: &compressorv3.Compressor_ResponseDirectionConfig{
				CommonConfig: &compressorv3.Compressor_CommonDirectionConfig{
					MinContentLength: uint32Value(uint32(*size)),
					// Whatever the type; Envoy's own list is short.
					ContentTypeMatcher: []*envoymatcherv3.StringMatcher{regexMatcher(".*")},
				},
			},
		}})
}
