//go:build !race

package extauthz_test

const manyTokens = 100_000
