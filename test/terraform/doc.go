// Package terraform has Terraform make, change and remove what the management API manages.
// Its test is none of `go test ./...`: it needs tools that take a while to build, and are
// there after `make terraform` has got them.
package terraform
