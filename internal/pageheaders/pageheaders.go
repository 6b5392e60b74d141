// Package pageheaders has browsers take care of our pages.
package pageheaders

import "net/http"

// common is of all pages: forms are sent to us only, and no other page may show ours in it.
const common = "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Protect puts the headers on an answer that is a page, or belongs to one. The policy says
// what it may have, and from where; nothing by default.
func Protect(h http.Header, policy string) {
	h.Set("Content-Security-Policy", "default-src 'none'; "+policy+common)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	// What a page says is for now, and for who asked.
	h.Set("Cache-Control", "no-store")
}
