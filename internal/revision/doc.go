// Package revision takes definitions to the Envoys, one revision after the other:
//
//	load -> prepare -> translate -> set -> what the Envoys said
//
// (Prepare is the services' part: what answers Envoys' questions is compiled from the
// same snapshot, and taken into use just before the Envoys are told.)
//
// Every step may stop the revision, and the one before it is then served on,
// whole. A revision that every connected Envoy acknowledged is the one to return
// to when an Envoy refuses a later one, and is kept on disk, so that it is also
// there after a restart with definitions that are broken by then.
//
// A Pipeline does all of this on one goroutine; Status tells what became of it.
package revision
