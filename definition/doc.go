// Package definition reads definition files, Gatehouse's own YAML and OpenAPI
// documents, into one gateway.Snapshot. All problems of all files are reported at
// once; a snapshot is made only when there is no error among them.
package definition
