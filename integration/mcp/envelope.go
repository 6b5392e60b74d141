package mcp

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// From version 2026-07-28 on there is no handshake. Each request says in an envelope, the
// member _meta of its parameters, which version it speaks and what its client can do, and
// says once more in headers what it is about, for those on the way who read no bodies.
// See https://modelcontextprotocol.io/specification/2026-07-28/basic

// envelopeVersion is the version from which on requests have an envelope.
const envelopeVersion = "2026-07-28"

// Names of an envelope's members.
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaServer       = "io.modelcontextprotocol/serverInfo"
)

// Codes of errors that came with envelopes.
const (
	codeHeaderMismatch     = -32020
	codeUnsupportedVersion = -32022
)

// listFreshMillis is how long clients may go on with a list of tools: after a new definition
// they know what is not there any more, or lack what is new, for no longer.
const listFreshMillis = 60_000

// hasEnvelope reports whether a request is of a version with envelopes, by what its header
// or its parameters say.
func hasEnvelope(asked headers, meta map[string]json.RawMessage) bool {
	_, said := meta[metaVersion]
	return said || asked.get("mcp-protocol-version") >= envelopeVersion
}

// checkEnvelope finds what is wrong with the envelope of a request, or with the headers that
// are to say the same; nil for nothing.
func checkEnvelope(m *message, asked headers, meta map[string]json.RawMessage) *answer {
	var version string
	var capabilities map[string]json.RawMessage
	for name, into := range map[string]any{metaVersion: &version, metaCapabilities: &capabilities} {
		if len(meta[name]) == 0 || json.Unmarshal(meta[name], into) != nil {
			return failure(400, m.ID, codeInvalidParams, "params._meta needs "+metaVersion+", a text, and "+metaCapabilities+", an object")
		}
	}
	if capabilities == nil {
		return failure(400, m.ID, codeInvalidParams, metaCapabilities+" is an object")
	}
	mismatch := func(name string) *answer {
		return failure(400, m.ID, codeHeaderMismatch, "the header "+name+" does not say what the message does")
	}
	if asked.get("mcp-protocol-version") != version {
		return mismatch("MCP-Protocol-Version")
	}
	if asked.get("mcp-method") != m.Method {
		return mismatch("Mcp-Method")
	}
	if m.Method == "tools/call" {
		var params struct {
			Name *string `json:"name"`
		}
		if json.Unmarshal(m.Params, &params) == nil && params.Name != nil {
			if said, ok := headerText(asked.get("mcp-name")); !ok || said != *params.Name {
				return mismatch("Mcp-Name")
			}
		}
	}
	if version < envelopeVersion || !slices.Contains(versions, version) {
		return unsupported(m.ID, version)
	}
	return nil
}

// headerText reads a text from a header that may have it in base64.
func headerText(value string) (string, bool) {
	encoded, found := strings.CutPrefix(value, "=?base64?")
	if !found || !strings.HasSuffix(encoded, "?=") {
		return value, true
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(encoded, "?="))
	return string(text), err == nil
}

// unsupported tells which versions there are.
func unsupported(id json.RawMessage, requested string) *answer {
	return problem(400, id, codeUnsupportedVersion, "the protocol versions are "+strings.Join(versions, ", "), struct {
		Supported []string `json:"supported"`
		Requested string   `json:"requested"`
	}{versions, clip(requested, 100)})
}

// complete makes a result one of a version with envelopes: it says that nothing is to follow,
// and who has made it.
func (e *endpoint) complete(value json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(value, &members) != nil {
		return value // All results are objects.
	}
	var meta map[string]json.RawMessage
	if json.Unmarshal(members["_meta"], &meta) != nil || meta == nil {
		meta = map[string]json.RawMessage{}
	}
	meta[metaServer] = encode(e.server)
	members["_meta"], members["resultType"] = encode(meta), json.RawMessage(`"complete"`)
	return encode(members)
}

// fresh is what a list, and what is told of a server, say of how long they hold. Lists are
// for who may ask for them, so that nobody keeps them for others.
type fresh struct {
	TTLMillis int    `json:"ttlMs"`
	Scope     string `json:"cacheScope"`
}

// discovered is what a server tells of itself.
type discovered struct {
	Versions     []string `json:"supportedVersions"`
	Capabilities any      `json:"capabilities"`
	Instructions string   `json:"instructions,omitempty"`
	fresh
}
