// Package metering counts what bills are made of: calls, bytes, messages, minutes of
// connections and of caches, by day, API, stage and API key.
//
// Metrics are for watching: they begin anew with each process. These counts are kept for
// more than a year in a file, if there is one, and each is of a whole day of UTC. A process
// counts what it sees itself; several are added up by who reads them.
package metering
