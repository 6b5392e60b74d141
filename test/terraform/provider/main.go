// Command provider is Amazon's provider for Terraform, as its own main would be: what a test
// of the management API runs. It is a module of its own, whose libraries are none of
// Gatehouse's.
package main

import (
	"github.com/hashicorp/terraform/plugin"
	"github.com/terraform-providers/terraform-provider-aws/aws"
)

func main() {
	plugin.Serve(&plugin.ServeOpts{ProviderFunc: aws.Provider})
}
