package translator

import "time"

const (
	// idleConnectionTimeout is Amazon's bound for idle client connections.
	idleConnectionTimeout = 310 * time.Second
	// idleStreamTimeout cuts a request on which nothing moves in either direction:
	// Amazon's bound for streamed responses.
	idleStreamTimeout = 5 * time.Minute
	// requestHeadersTimeout bounds how slowly a client may send its headers.
	requestHeadersTimeout = 30 * time.Second
)
