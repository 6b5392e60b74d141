package restjson

import "crypto/rand"

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// NewID gives an id of that many letters and digits, which in all likelihood nothing has.
func NewID(length int) string {
	id := make([]byte, 0, length)
	var random [32]byte
	for {
		_, _ = rand.Read(random[:]) // it does not fail
		for _, b := range random {
			// What is above the last multiple would make some characters likelier.
			if int(b) >= 256-256%len(alphabet) {
				continue
			}
			if id = append(id, alphabet[int(b)%len(alphabet)]); len(id) == length {
				return string(id)
			}
		}
	}
}
