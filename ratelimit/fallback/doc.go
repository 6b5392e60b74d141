// Package fallback is a store of limits around another one that may be slow or gone, as
// a server on the network may. It then answers by what each limit's failure mode says,
// asks the other store no more than now and then whether it is back, and adds what was
// granted meanwhile to its counts.
package fallback
