//go:build race

package extauthz_test

// manyTokens are fewer with the race detector, which makes each of them take ten times
// as long. They are still several times what the cache holds.
const manyTokens = 30_000
