// Package ratelimit keeps the limits that several Envoys share: throttles with scope
// shared, the quotas of usage plans, and the counts of who used what.
//
// Envoys ask in two ways. With the quota stream (Envoy's RateLimitQuotaService) they
// report what they let through every few seconds and are assigned their share of a
// limit; no request waits for that. For hard limits they ask before each request
// (RateLimitService v3, ShouldRateLimit). Both ways name a limit by the entries of
// package wire, and both count in one Store.
package ratelimit
