package signin

import "time"

// SessionTime is how long somebody who signed in may stay.
const SessionTime = 8 * time.Hour

// User is who is signed in.
type User struct {
	// Name is shown: an access key's ARN, an e-mail address or a subject.
	Name string `json:"n"`
	// KeyID is the access key that was signed in with, and KeyPrint what its secret was; or
	// Subject is what the provider calls the user, Email an address that it has verified, and
	// Groups are those of the user's that matter here.
	KeyID    string   `json:"k,omitempty"`
	KeyPrint string   `json:"p,omitempty"`
	Subject  string   `json:"s,omitempty"`
	Email    string   `json:"e,omitempty"`
	Groups   []string `json:"g,omitempty"`
}

// ID tells users apart.
func (u *User) ID() string {
	if u.KeyID != "" {
		return "key " + u.KeyID
	}
	return "provider " + u.Subject
}
