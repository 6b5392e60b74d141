// Package etcd keeps the documents of the management API in etcd: in a server of its own
// within the process (Embed), or in a cluster that several control planes share (Connect).
// Both are the same Store on the same client.
//
// A Store has all documents in memory, as a watch on etcd brings them: reads, listings and
// the reading part of transactions cost no round trip but the question how far etcd is.
// Contents of deployments, the large ones, are kept there compressed, as they are in etcd.
//
// A transaction is one transaction of etcd. It reads from one revision and is taken only
// if nothing that it read has changed since. For single documents that is a comparison of
// their revision. For listings it has to be noticed, too, that a document has gone, of
// which etcd keeps no trace: whoever takes documents away leaves a mark in the folders
// above it (see marks.go), and listings compare these.
package etcd
