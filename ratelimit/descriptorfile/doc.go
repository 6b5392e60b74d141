// Package descriptorfile reads the configuration files of Envoy's reference rate limit
// service, one domain each, and finds the limit that a descriptor falls under. It does
// not count.
package descriptorfile
