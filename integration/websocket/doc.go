// Package websocket serves WebSocket APIs: it holds the connections that Envoy leads to
// it, calls the integrations of their routes with what comes in, and lets backends send
// to clients by @connections.
//
// A connection that is idle has a goroutine and no buffers. What is in flight is bounded:
// for each connection, for each stage, and in bytes for the process.
package websocket
