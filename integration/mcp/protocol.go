package mcp

import (
	"bytes"
	"encoding/json"
	"slices"
)

// versions of the protocol that are spoken, the newest first. Those before know another
// transport.
var versions = []string{"2025-11-25", "2025-06-18", "2025-03-26"}

// Codes of JSON-RPC.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeUnknownMethod  = -32601
	codeInvalidParams  = -32602
	codeInternal       = -32603
)

// message is one of JSON-RPC, from a client.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// An answer is what a message is answered by. Without a body there is nothing to say.
type answer struct {
	status int
	body   []byte
	// forward is the request whose response is the answer.
	forward *call
	id      json.RawMessage
	// outcome is for metrics.
	outcome string
}

func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Only what Compile has made can have an error in it, and does not.
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func result(id json.RawMessage, value json.RawMessage) []byte {
	return encode(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result"`
	}{"2.0", id, value})
}

func failure(status int, id json.RawMessage, code int, text string) *answer {
	if id == nil {
		id = json.RawMessage("null")
	}
	type problem struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	return &answer{status: status, outcome: "refused", body: encode(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   problem         `json:"error"`
	}{"2.0", id, problem{code, text}})}
}

// answer works a message off, as far as that needs no request to the API. base is the path
// where the stage begins, query that of the endpoint.
func (e *endpoint) answer(body []byte, base, query string) *answer {
	var m message
	body = bytes.TrimSpace(body)
	switch {
	case !json.Valid(body):
		return failure(400, nil, codeParse, "this is no JSON")
	case body[0] == '[':
		return failure(400, nil, codeInvalidRequest, "batches are not supported; send one message at a time")
	case json.Unmarshal(body, &m) != nil || m.JSONRPC != "2.0":
		return failure(400, nil, codeInvalidRequest, "this is no message of JSON-RPC 2.0")
	case m.Method == "" || m.ID == nil:
		// A notification, or an answer to something that nobody has asked.
		return &answer{status: 202, outcome: "accepted"}
	case m.ID[0] != '"' && m.ID[0] != '-' && (m.ID[0] < '0' || m.ID[0] > '9'):
		return failure(400, nil, codeInvalidRequest, "the id of a request is a text or a number")
	}
	done := func(value any) *answer {
		return &answer{status: 200, outcome: "answered", body: result(m.ID, encode(value))}
	}
	switch m.Method {
	case "initialize":
		var params struct {
			ProtocolVersion string `json:"protocolVersion"`
		}
		if len(m.Params) > 0 && json.Unmarshal(m.Params, &params) != nil {
			return failure(200, m.ID, codeInvalidParams, "protocolVersion must be a text")
		}
		version := params.ProtocolVersion
		if !slices.Contains(versions, version) {
			version = versions[0]
		}
		return done(struct {
			ProtocolVersion string     `json:"protocolVersion"`
			Capabilities    any        `json:"capabilities"`
			ServerInfo      serverInfo `json:"serverInfo"`
			Instructions    string     `json:"instructions,omitempty"`
		}{version, map[string]any{"tools": struct{}{}}, e.server, e.instructions})
	case "ping":
		return done(struct{}{})
	case "tools/list":
		var params struct {
			Cursor string `json:"cursor"`
		}
		if len(m.Params) > 0 && json.Unmarshal(m.Params, &params) != nil {
			return failure(200, m.ID, codeInvalidParams, "cursor must be a text")
		}
		page, ok := e.page(params.Cursor)
		if !ok {
			return failure(200, m.ID, codeInvalidParams, "the cursor is not valid any more; list the tools from the beginning")
		}
		return done(page)
	case "tools/call":
		return e.call(&m, base, query)
	}
	return failure(200, m.ID, codeUnknownMethod, "there is no method "+clip(m.Method, 100))
}

func (e *endpoint) call(m *message, base, query string) *answer {
	var params struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if len(m.Params) == 0 || json.Unmarshal(m.Params, &params) != nil {
		return failure(200, m.ID, codeInvalidParams, "tools/call needs the name of a tool")
	}
	t := e.tools[params.Name]
	if t == nil {
		return failure(200, m.ID, codeInvalidParams, "there is no tool "+clip(params.Name, 100))
	}
	var arguments map[string]json.RawMessage
	if len(params.Arguments) > 0 && json.Unmarshal(params.Arguments, &arguments) != nil {
		return failure(200, m.ID, codeInvalidParams, "the arguments of a tool are an object")
	}
	c, err := t.request(base, query, e.credentialQuery, arguments)
	if err != nil {
		// The agent can do better, so that it has to be told as a result.
		return &answer{status: 200, outcome: "mistaken", body: result(m.ID, encode(toolResult{Content: []content{{Type: "text", Text: err.Error()}}, IsError: true}))}
	}
	return &answer{forward: c, id: m.ID, outcome: "called"}
}
