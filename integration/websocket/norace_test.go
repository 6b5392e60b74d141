//go:build !race

package websocket_test

const raceDetector = false
