package telemetry

import (
	"unicode"
	"unicode/utf8"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

const (
	// maxValue bounds a value, and maxLine a line: a format may name a variable again and
	// again.
	maxValue = 8 << 10
	maxLine  = 64 << 10
	// cut ends what was longer.
	cut = "[TRUNCATED]"
)

// stageLog is the log of a stage, made ready.
type stageLog struct {
	parts []linePart
	to    *destination
}

// linePart is text, or the value of a variable.
type linePart struct {
	text  string
	value value
	// variable is set for those that may have no value.
	variable bool
	// quoted values are JSON strings, quotes included.
	quoted bool
}

// compileLog makes a log ready. Its format was found to be good when it was read.
func (s *Server) compileLog(api *gateway.API, of *gateway.Stage) *stageLog {
	l, protocol := of.AccessLog, api.Protocol
	parsed, mistakes := gateway.ParseAccessLogFormat(l.Format, protocol)
	if len(mistakes) > 0 {
		return nil
	}
	out := &stageLog{to: s.logs.get(logged{"access", api.ID, of.Name}, l.Destination, l.MaxBytes, l.MaxFiles)}
	for _, p := range parsed {
		part := linePart{text: p.Text, variable: p.Variable != ""}
		part.quoted = p.Variable == "error.messageString"
		switch {
		case p.Variable == "":
		case protocol == gateway.WebSocket:
			part.value = ofConnection(p.Variable)
		case part.quoted:
			part.value = (*request).errorMessage
		default:
			part.value = valueOf(p.Variable)
		}
		out.parts = append(out.parts, part)
	}
	return out
}

// line appends the line of a request.
func (l *stageLog) line(b []byte, r *request) []byte {
	start := len(b)
	for i := range l.parts {
		p := &l.parts[i]
		if !p.variable {
			b = append(b, p.text...)
			continue
		}
		text := ""
		if p.value != nil {
			text = p.value(r)
		}
		switch {
		case text == "":
			b = append(b, '-')
		case p.quoted:
			b = append(b, '"')
			b = escape(b, text, quoteInAny)
			b = append(b, '"')
		default:
			b = escape(b, text, quoteInAny)
		}
		if len(b)-start > maxLine {
			b = b[:start+maxLine]
			for len(b) > start && !utf8.RuneStart(b[len(b)-1]) {
				b = b[:len(b)-1]
			}
			b = append(b[:len(b)-1], cut...)
			break
		}
	}
	return append(b, '\n')
}

const hexDigits = "0123456789abcdef"

// How a quote is escaped: as JSON usually is, and so that it ends no string of other formats
// either. To a field of CSV, or an attribute of XML, a backslash before it is nothing.
const (
	quoteInJSON = `\"`
	quoteInAny  = `\u0022`
)

// escape appends a value so that nothing in it can end a JSON string, a line or a tag, or
// do anything to a terminal: as JSON strings have it, and besides without markup, other
// controls than ASCII's, and what turns the direction of text.
func escape(b []byte, text, quote string) []byte {
	short := text
	if len(text) > maxValue {
		short = text[:maxValue]
	}
	for i := 0; i < len(short); {
		c := short[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '\\':
				b = append(b, '\\', c)
			case c == '"':
				b = append(b, quote...)
			case c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '&':
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(short[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, `\ufffd`...)
		case unicode.IsPrint(r):
			b = append(b, short[i:i+size]...)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			b = unicodeEscape(unicodeEscape(b, high), low)
		default:
			b = unicodeEscape(b, r)
		}
		i += size
	}
	if len(short) < len(text) {
		b = append(b, cut...)
	}
	return b
}

func unicodeEscape(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// batch collects the lines of what came at once, so that a destination is gone to once.
type batch struct {
	lines map[*destination]*pending
	order []*destination
	// told is what the history is told next.
	told history.Request
}

type pending struct {
	text  []byte
	lines int
}

func newBatch() *batch { return &batch{lines: map[*destination]*pending{}} }

func (b *batch) add(l *stageLog, r *request) {
	p := b.pending(l.to)
	p.text = l.line(p.text, r)
	p.lines++
	b.bound(l.to, p)
}

// pending is what goes to a destination.
func (b *batch) pending(to *destination) *pending {
	p := b.lines[to]
	if p == nil {
		p = &pending{}
		b.lines[to] = p
	}
	if p.lines == 0 {
		b.order = append(b.order, to)
	}
	return p
}

// bound hands over what has become much.
func (b *batch) bound(to *destination, p *pending) {
	// One message of Envoy's may have any number of requests in it.
	if len(p.text) > 256<<10 {
		to.append(p.text, p.lines)
		p.text, p.lines = p.text[:0], 0
	}
}

// flush hands the lines over.
func (b *batch) flush() {
	for _, to := range b.order {
		p := b.lines[to]
		if p.lines == 0 {
			continue // all of it went already
		}
		to.append(p.text, p.lines)
		p.text, p.lines = p.text[:0], 0
	}
	b.order = b.order[:0]
}
