// Package upstream keeps the connections to HTTP backends that are called from here, not by
// Envoy: those whose bodies are mapped, whose answers are kept, or who are behind WebSocket
// APIs. What a definition says of a backend (endpoints, balance, TLS, protocol, limits,
// health checks, retries) holds as it does in Envoy.
package upstream
