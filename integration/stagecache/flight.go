package stagecache

import "sync"

// Flights are the answers that are being fetched. The zero value is none.
type Flights struct {
	mu  sync.Mutex
	all map[Key]*Flight
}

// Flight is one answer that is being fetched, by one request for all that wait for it.
type Flight struct {
	flights *Flights
	key     Key
	done    chan struct{}
	// What follows is set before done is closed.
	entry     *Entry
	abandoned bool
}

// Join gives the flight for a key. Who is the first has to fetch the answer and Land.
func (f *Flights) Join(key Key) (flight *Flight, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flight := f.all[key]; flight != nil {
		return flight, false
	}
	return f.begin(key), true
}

// Begin makes a flight that takes the place of one that may be under way: who comes from
// now on waits for this one.
func (f *Flights) Begin(key Key) *Flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.begin(key)
}

func (f *Flights) begin(key Key) *Flight {
	if f.all == nil {
		f.all = map[Key]*Flight{}
	}
	flight := &Flight{flights: f, key: key, done: make(chan struct{})}
	f.all[key] = flight
	return flight
}

// Newest reports whether no other flight has taken the place of this one: what it brings
// is not older than what is kept.
func (f *Flight) Newest() bool {
	f.flights.mu.Lock()
	defer f.flights.mu.Unlock()
	return f.flights.all[f.key] == f
}

// Land tells those who wait what was fetched: nil if it is not for them. Abandoned means
// that nothing was found out about it, because the one who fetched has left.
func (f *Flight) Land(entry *Entry, abandoned bool) {
	f.flights.mu.Lock()
	if f.flights.all[f.key] == f {
		delete(f.flights.all, f.key)
	}
	f.flights.mu.Unlock()
	f.entry, f.abandoned = entry, abandoned
	close(f.done)
}

// Landed is closed when the flight has landed.
func (f *Flight) Landed() <-chan struct{} { return f.done }

// Outcome is what Land was told.
func (f *Flight) Outcome() (entry *Entry, abandoned bool) {
	<-f.done
	return f.entry, f.abandoned
}
