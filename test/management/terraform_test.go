package management

import "testing"

// TestTerraformOfHTTPAPIs holds what Terraform finds after each of its changes to what it has
// asked for: else each of its plans would have something to do.
func TestTerraformOfHTTPAPIs(t *testing.T) { runHTTP(t, "terraform.py") }
