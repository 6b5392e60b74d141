package mcp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// toolResult is the result of a call.
type toolResult struct {
	Content    []content       `json:"content"`
	Structured json.RawMessage `json:"structuredContent,omitempty"`
	IsError    bool            `json:"isError,omitempty"`
	Meta       map[string]any  `json:"_meta,omitempty"`
}

type content struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitempty"`
	Data     string    `json:"data,omitempty"`
	MIMEType string    `json:"mimeType,omitempty"`
	Resource *resource `json:"resource,omitempty"`
}

type resource struct {
	URI      string `json:"uri"`
	MIMEType string `json:"mimeType,omitempty"`
	Blob     string `json:"blob"`
}

// statusMeta is where a result has the status of the API's response.
const statusMeta = "gatehouse/status"

// resultOf is what a response of the API becomes. What is refused, by the gateway or by the
// backend, is an error that the agent is told, with what was said.
func resultOf(status int, header func(string) string, body []byte) json.RawMessage {
	r := toolResult{Meta: map[string]any{statusMeta: status}, IsError: status >= 400}
	media, _, _ := mime.ParseMediaType(header("content-type"))
	text := content{Type: "text", Text: string(body)}
	switch {
	case header("content-encoding") != "" && !strings.EqualFold(header("content-encoding"), "identity") && len(body) > 0:
		r.IsError = true
		text.Text = "the answer is compressed (" + clip(header("content-encoding"), 50) + "), though nobody asked for that"
	case !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0:
		encoded := base64.StdEncoding.EncodeToString(body)
		switch kind, _, _ := strings.Cut(media, "/"); kind {
		case "image", "audio":
			text = content{Type: kind, Data: encoded, MIMEType: media}
		default:
			text = content{Type: "resource", Resource: &resource{URI: "data:" + media, MIMEType: media, Blob: encoded}}
		}
	case len(bytes.TrimSpace(body)) == 0:
		text.Text = strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
	case !r.IsError && body[firstOf(body)] == '{' && json.Valid(body) && (media == "" || strings.HasSuffix(media, "json")):
		r.Structured = body
	}
	if r.IsError && text.Type == "text" && len(bytes.TrimSpace(body)) > 0 {
		text.Text = strings.TrimSpace(strconv.Itoa(status)+" "+http.StatusText(status)) + "\n" + text.Text
		if after := header("retry-after"); after != "" {
			text.Text += "\nRetry-After: " + clip(after, 50)
		}
	}
	r.Content = []content{text}
	return encode(r)
}

// firstOf is the place of the first byte that is no white space.
func firstOf(body []byte) int { return len(body) - len(bytes.TrimLeft(body, " \t\r\n")) }

// tooLarge is the result of a call whose answer is more than an agent could read.
func tooLarge(status int) json.RawMessage {
	return encode(toolResult{
		Content: []content{{Type: "text", Text: "the answer has more than " + strconv.Itoa(maxBody>>10) + " KiB; ask for less"}},
		IsError: true, Meta: map[string]any{statusMeta: status},
	})
}
