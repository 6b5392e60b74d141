package source

import "gatehouse/management/store"

// account renders what the APIs of a region share: usage plans, API keys, domains.
func account(_ store.Reader, _ string) (Files, error) { return newFiles(), nil }
