// Package history keeps in memory what people look at: how each API, stage and route did,
// minute by minute for a day, who called it most, and the last requests one by one.
//
// All of it is bounded, whatever comes: the number of routes that are told apart, the
// bytes that minutes and requests take, the length of every text that a client may have
// written, and the number of those who listen. Where there is no room for a day of
// minutes, the oldest become steps of ten minutes. Nothing is persisted: what must last
// is for Prometheus.
package history
