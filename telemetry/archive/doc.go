// Package archive asks a Prometheus how APIs did: for weeks and months, which are too long
// ago for what package history keeps, as far as Prometheus has scraped the metrics of
// package telemetry.
package archive
