package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// SessionTime is how long somebody who signed in may stay.
const SessionTime = 8 * time.Hour

// maxEnded bounds the sessions that were ended before their time. Beyond it, all begin anew.
const maxEnded = 10_000

// User is who is signed in.
type User struct {
	// Name is shown: an access key's ARN, an e-mail address or a subject.
	Name string `json:"n"`
	// KeyID is the access key that was signed in with, and KeyPrint what its secret was; or
	// Provider is true.
	KeyID    string `json:"k,omitempty"`
	KeyPrint string `json:"p,omitempty"`
	Provider bool   `json:"o,omitempty"`
}

// session is what a cookie holds.
type session struct {
	User
	ID   string `json:"i"`
	Ends int64  `json:"e"`
}

// Sessions are those of one process: another one knows nothing of them, nor does the same
// after a restart.
type Sessions struct {
	now func() time.Time

	mu sync.Mutex
	// key signs; it is replaced when too many sessions have been ended.
	key   []byte
	ended map[string]int64
}

// NewSessions begins without any.
func NewSessions(now func() time.Time) *Sessions {
	return &Sessions{now: now, key: newKey(), ended: map[string]int64{}}
}

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it does not fail
	return key
}

// Token is a text that nobody can guess.
func Token() string { return base64.RawURLEncoding.EncodeToString(newKey()) }

// Begin gives the value of the cookie for somebody who was let in.
func (s *Sessions) Begin(u User) string {
	return s.Seal("session", session{u, Token(), s.now().Add(SessionTime).Unix()})
}

// User is who a cookie is of, and how its session is called; ok is false for one that is not
// ours, or is over.
func (s *Sessions) User(cookie string) (u User, id string, ok bool) {
	var at session
	if !s.Open("session", cookie, &at) || at.Ends <= s.now().Unix() {
		return User{}, "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, over := s.ended[at.ID]; over {
		return User{}, "", false
	}
	return at.User, at.ID, true
}

// End ends a session: a copy of its cookie is of no use any more.
func (s *Sessions) End(cookie string) {
	var at session
	if !s.Open("session", cookie, &at) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().Unix()
	for id, ends := range s.ended {
		if ends <= now {
			delete(s.ended, id)
		}
	}
	s.ended[at.ID] = at.Ends
	if len(s.ended) > maxEnded {
		s.key, s.ended = newKey(), map[string]int64{}
	}
}

// Seal writes a value that only Open of the same purpose reads.
func (s *Sessions) Seal(purpose string, value any) string {
	text, err := json.Marshal(value)
	if err != nil { // of our own types
		panic(err)
	}
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + s.sign(purpose, body)
}

// Open reads what Seal wrote.
func (s *Sessions) Open(purpose, sealed string, value any) bool {
	body, signature, _ := strings.Cut(sealed, ".")
	if !hmac.Equal([]byte(signature), []byte(s.sign(purpose, body))) {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	return err == nil && json.Unmarshal(text, value) == nil
}

// FormToken is what a form has to bring back that was made for whoever has this cookie.
func (s *Sessions) FormToken(cookie string) string { return s.sign("form", cookie) }

// FromForm reports whether a token was made for the cookie.
func (s *Sessions) FromForm(cookie, token string) bool {
	return cookie != "" && hmac.Equal([]byte(token), []byte(s.FormToken(cookie)))
}

func (s *Sessions) sign(purpose, text string) string {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
