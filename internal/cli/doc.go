// Package cli is the command line, one file per command, and the only place where
// the parts of the program are put together.
//
// Data goes to stdout, talk to stderr. A command ends with exit code 0 if all is
// well, 1 if there are problems, 2 if it was used wrongly. Every flag can also be
// set by an environment variable: --data-dir by GATEHOUSE_DATA_DIR.
package cli
