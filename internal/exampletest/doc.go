// Package exampletest runs what users are shown: the definitions and scripts of
// examples/, and the commands of README.md and docs/. It holds tests only.
package exampletest
