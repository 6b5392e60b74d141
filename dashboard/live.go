package dashboard

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"time"
)

const (
	// maxViewers is how many pages are kept up to date at once; others stay as they are.
	maxViewers = 200
	// keepAlive is how often something is said to those for whom nothing changed: proxies
	// end what is silent.
	keepAlive = 15 * time.Second
	// viewTime ends what nobody may look at any more; browsers come back by themselves.
	viewTime = time.Hour
)

// follow sends what of a page is live, whenever it has changed, as server-sent events.
// See https://html.spec.whatwg.org/multipage/server-sent-events.html
func (s *Server) follow(w http.ResponseWriter, r *http.Request, p *page) {
	if p.every == 0 {
		// Browsers do not ask again.
		w.WriteHeader(http.StatusNoContent)
		return
	}
	select {
	case s.viewers <- struct{}{}:
		defer func() { <-s.viewers }()
	default:
		w.Header().Set("Retry-After", "60")
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)

	read := p.read
	if p.following != nil {
		read = p.following(s, r)
	}
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	end := time.NewTimer(viewTime)
	defer end.Stop()
	var last []byte
	var said time.Time
	for {
		next, ok := s.fragment(r, p, read)
		if !ok {
			return
		}
		if now := time.Now(); !bytes.Equal(next, last) || now.Sub(said) >= keepAlive {
			event := []byte(": nothing new\n\n")
			if !bytes.Equal(next, last) {
				event = serverSent(next)
			}
			// A client that takes nothing must not hold on to this for ever.
			_ = stream.SetWriteDeadline(now.Add(2 * keepAlive))
			if _, err := w.Write(event); err != nil || stream.Flush() != nil {
				return
			}
			last, said = next, now
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		case <-end.C:
			return
		case <-tick.C:
		}
	}
}

// fragment renders what of a page is live. Nothing is to be sent when it cannot be read.
func (s *Server) fragment(r *http.Request, p *page, read func(*Server, *http.Request) (*shown, error)) ([]byte, bool) {
	if s.access != nil && s.visitor(r) == nil {
		return nil, false // whose session has ended
	}
	what, err := read(s, r)
	template := p.template
	// What the page is about may be gone, and may come back: those who look on are told.
	if told := (*problem)(nil); errors.As(err, &told) {
		template, what, err = "problem", &shown{Title: told.Title, Data: told}, nil
	}
	if err != nil {
		return nil, false
	}
	body, err := s.execute(r, p, template, "live", what)
	return body, err == nil
}

// serverSent makes an event of lines.
func serverSent(fragment []byte) []byte {
	var b bytes.Buffer
	b.WriteString("event: live\n")
	for line := range strings.SplitSeq(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(fragment)), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteString("\n")
	return b.Bytes()
}
