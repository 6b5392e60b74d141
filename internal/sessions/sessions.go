package sessions

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gorilla/securecookie"
)

// Options of Sessions.
type Options struct {
	// Keep is what outlasts a request; InMemory by default.
	Keep Keeper
	// Age is how long a session lasts.
	Age time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Sessions are safe for concurrent use.
type Sessions struct{ options Options }

// New begins without asking Keep anything.
func New(o Options) *Sessions {
	if o.Keep == nil {
		o.Keep = InMemory()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sessions{o}
}

// Age is how long a session lasts.
func (s *Sessions) Age() time.Duration { return s.options.Age }

// session is what a cookie holds. Of is whose it is, by a name that does not change.
type session struct {
	ID    string
	Of    string
	Begun int64 // in milliseconds
	Ends  int64 // in seconds
	Who   json.RawMessage
}

// Begin gives the value of a cookie for somebody who was let in: of tells people apart, who
// is all else that is to be known of them. A cookie is good under its name only.
func (s *Sessions) Begin(ctx context.Context, cookie, of string, who any) (string, error) {
	text, err := json.Marshal(who)
	if err != nil {
		return "", err
	}
	now := s.options.Now()
	return s.seal(ctx, cookie, session{Token(), of, now.UnixMilli(), now.Add(s.options.Age).Unix(), text})
}

// Open reports whether a cookie is of a session that goes on, and reads who that is.
func (s *Sessions) Open(ctx context.Context, cookie, value string, who any) (bool, error) {
	at, err := s.session(ctx, cookie, value)
	if at == nil || err != nil {
		return false, err
	}
	ended, err := s.options.Keep.Ended(ctx, at.Of)
	if err != nil || ended.has(at) {
		return false, err
	}
	return json.Unmarshal(at.Who, who) == nil, nil
}

// session is nil for a cookie that is not ours, or is over.
func (s *Sessions) session(ctx context.Context, cookie, value string) (*session, error) {
	var at session
	ok, err := s.unseal(ctx, cookie, value, &at)
	if !ok || err != nil || at.Of == "" || at.Ends <= s.options.Now().Unix() {
		return nil, err
	}
	return &at, nil
}

// End ends the session of a cookie.
func (s *Sessions) End(ctx context.Context, cookie, value string) error {
	at, err := s.session(ctx, cookie, value)
	if at == nil || err != nil {
		return err
	}
	now := s.options.Now()
	return s.options.Keep.End(ctx, at.Of, now, func(e *Ended) { e.add(at, now) })
}

// kept is a value that only its cookie may hold, and until when.
type kept struct {
	Ends  int64
	Value json.RawMessage
}

// Seal gives the value of a cookie that keeps something for a while, which nobody else can
// read or make.
func (s *Sessions) Seal(ctx context.Context, cookie string, value any, age time.Duration) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return s.seal(ctx, cookie, kept{s.options.Now().Add(age).Unix(), text})
}

// Unseal reads what Seal wrote under the same name, and reports whether it did.
func (s *Sessions) Unseal(ctx context.Context, cookie, sealed string, value any) (bool, error) {
	var k kept
	ok, err := s.unseal(ctx, cookie, sealed, &k)
	if !ok || err != nil || k.Ends <= s.options.Now().Unix() {
		return false, err
	}
	return json.Unmarshal(k.Value, value) == nil, nil
}

func codec(k Keys) *securecookie.SecureCookie {
	// Sessions say themselves when they end.
	return securecookie.New(k.Hash, k.Block).MaxAge(0).SetSerializer(securecookie.JSONEncoder{})
}

func (s *Sessions) seal(ctx context.Context, cookie string, value any) (string, error) {
	keys, err := s.options.Keep.Keys(ctx)
	if err != nil {
		return "", err
	}
	sealed, err := codec(keys).Encode(cookie, value)
	if err != nil {
		return "", fmt.Errorf("sealing the cookie %s: %w", cookie, err)
	}
	return sealed, nil
}

func (s *Sessions) unseal(ctx context.Context, cookie, sealed string, value any) (bool, error) {
	if sealed == "" {
		return false, nil
	}
	keys, err := s.options.Keep.Keys(ctx)
	if err != nil {
		return false, err
	}
	return codec(keys).Decode(cookie, sealed, value) == nil, nil
}

// FormToken is what a form has to bring back that was made for whoever has this cookie.
func (s *Sessions) FormToken(ctx context.Context, cookie string) (string, error) {
	keys, err := s.options.Keep.Keys(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, keys.Hash)
	mac.Write([]byte("form\x00" + cookie))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// FromForm reports whether a token was made for the cookie.
func (s *Sessions) FromForm(ctx context.Context, cookie, token string) (bool, error) {
	want, err := s.FormToken(ctx, cookie)
	return err == nil && cookie != "" && hmac.Equal([]byte(token), []byte(want)), err
}

// Token is a text of 256 bits that nobody can guess.
func Token() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}
