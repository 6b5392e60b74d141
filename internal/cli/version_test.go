package cli

import (
	"os"
	"strconv"
	"testing"
)

// TestInstanceID holds that processes of one machine are told apart, and that a start anew is the
// same where it can be.
func TestInstanceID(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"127.0.0.1:8001": host + ":8001", "[::]:8002": host + ":8002", "127.0.0.1:0": host + ":pid-" + strconv.Itoa(os.Getpid()),
	} {
		if got := instanceID(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
