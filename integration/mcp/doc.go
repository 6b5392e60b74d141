// Package mcp shows the operations of an API to agents, as tools of the Model Context
// Protocol, for the role integration.
//
// Envoy asks it by its external processing protocol about each message that comes to an
// MCP endpoint. What is no call of a tool is answered at once. A call becomes a request to
// the API, which Envoy sends through a listener inside of itself: there it is looked up,
// and checked, like one that came from the client directly. Nothing that is said here lets
// a caller in.
//
// Endpoints keep nothing about their clients, so that each message may come to another
// process.
//
// See https://modelcontextprotocol.io/specification
package mcp
