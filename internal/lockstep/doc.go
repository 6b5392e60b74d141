// Package lockstep calls plain HTTP/1.1 servers from the goroutine that asks: it writes the
// request, then it reads the answer. net/http has two goroutines beside each connection for
// that, so that a request can be written while its answer is read, and handing work to them
// and back costs more CPU than all else about a small call over a loopback interface.
//
// What needs more than lock step is left to another transport: TLS and with it HTTP/2,
// proxies, large bodies and those of unknown length, which a server may answer before it has
// read them, and upgrades.
package lockstep
