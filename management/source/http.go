package source

import "gatehouse/management/store"

func httpAPI(_ store.Reader, _ string) (Files, error) { return newFiles(), nil }
