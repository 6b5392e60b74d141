package mcp

import (
	"bytes"
	"encoding/json"
	"slices"
)

// newestHandshake is the newest version that begins with a handshake.
const newestHandshake = "2025-11-25"

// versions of the protocol that are spoken, the newest first. Those before know another
// transport.
var versions = []string{envelopeVersion, newestHandshake, "2025-06-18", "2025-03-26"}

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
	// enveloped answers are of a version with envelopes.
	enveloped bool
	// outcome is for metrics.
	outcome string
	// allow is the method that would have been allowed.
	allow string
	// preflight: the page may go on to ask what it wants to know.
	preflight bool
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
	return problem(status, id, code, text, nil)
}

// notAllowed is the answer to another method than the one that is allowed.
func notAllowed(method, text string) *answer {
	a := failure(405, nil, codeInvalidRequest, text)
	a.allow = method
	return a
}

// problem is a failure with data for the client.
func problem(status int, id json.RawMessage, code int, text string, data any) *answer {
	if id == nil {
		id = json.RawMessage("null")
	}
	type problem struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}
	return &answer{status: status, outcome: "refused", body: encode(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   problem         `json:"error"`
	}{"2.0", id, problem{code, text, data}})}
}

// answer works a message off, as far as that needs no request to the API. base is the path
// where the stage begins, query that of the endpoint.
func (e *endpoint) answer(body []byte, base, query string, asked headers) *answer {
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
	var params struct {
		Meta map[string]json.RawMessage `json:"_meta"`
	}
	if len(m.Params) > 0 && json.Unmarshal(m.Params, &params) != nil {
		return failure(400, m.ID, codeInvalidParams, "params is an object, and so is its _meta")
	}
	if hasEnvelope(asked, params.Meta) {
		if wrong := checkEnvelope(&m, asked, params.Meta); wrong != nil {
			return wrong
		}
		return e.answerEnveloped(&m, base, query)
	}
	if version := asked.get("mcp-protocol-version"); version != "" && !slices.Contains(versions, version) {
		return unsupported(m.ID, version)
	}
	return e.answerSession(&m, base, query)
}

// answerEnveloped answers a request of a version with envelopes.
func (e *endpoint) answerEnveloped(m *message, base, query string) *answer {
	var a *answer
	switch m.Method {
	case "server/discover":
		a = &answer{status: 200, outcome: "answered", body: encode(discovered{versions, map[string]any{"tools": struct{}{}}, e.instructions, fresh{listFreshMillis, "private"}})}
	case "tools/list":
		if a = e.list(m); a.status == 200 && a.outcome == "answered" {
			a.body = slices.Concat(a.body[:len(a.body)-1], []byte(","), encode(fresh{listFreshMillis, "private"})[1:])
		}
	case "tools/call":
		a = e.call(m, base, query)
	default:
		return failure(404, m.ID, codeUnknownMethod, "there is no method "+clip(m.Method, 100))
	}
	if a.enveloped = true; a.outcome == "refused" {
		a.status = 400
	} else if a.forward == nil {
		a.body = result(m.ID, e.complete(a.body))
	}
	return a
}

// answerSession answers a request of a version that begins with a handshake.
func (e *endpoint) answerSession(m *message, base, query string) *answer {
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
		if version == envelopeVersion || !slices.Contains(versions, version) {
			version = newestHandshake
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
		return e.list(m).asResult(m.ID)
	case "tools/call":
		return e.call(m, base, query).asResult(m.ID)
	}
	return failure(200, m.ID, codeUnknownMethod, "there is no method "+clip(m.Method, 100))
}

// asResult has the body of an answer, which is the result alone, be the message.
func (a *answer) asResult(id json.RawMessage) *answer {
	if a.forward == nil && a.outcome != "refused" {
		a.body = result(id, a.body)
	}
	return a
}

// list answers with a page of the tools. The body is the result alone, unless it is refused.
func (e *endpoint) list(m *message) *answer {
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
	return &answer{status: 200, outcome: "answered", body: page}
}

// call makes a request to the API of a call. A mistake of the agent's is a result, which is the
// body alone.
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
		return &answer{status: 200, outcome: "mistaken", body: encode(toolResult{Content: []content{{Type: "text", Text: err.Error()}}, IsError: true})}
	}
	return &answer{forward: c, id: m.ID, outcome: "called"}
}
