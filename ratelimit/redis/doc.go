// Package redis keeps the state of limits in Redis (6.2 or later, single, with
// Sentinel, or a Cluster), for any number of services that share them.
//
// All arithmetic is in Lua scripts, so that each ask is atomic and the clock is
// Redis's. Asks of Takes that run at a time go out together. Every key has a time to
// live: a bucket's until it is full, a count's until its period is over.
package redis
