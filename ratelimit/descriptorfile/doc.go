// Package descriptorfile answers Envoys whose limits are in configuration files of
// Envoy's reference rate limit service (github.com/envoyproxy/ratelimit), one domain
// each, so that its users can move over with their files and their Envoys as they are.
// Read and Parse take files in, a Service counts by them in a ratelimit.Store.
package descriptorfile
