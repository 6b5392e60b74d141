package portal

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// limits bound how often keys are asked for, and how often secrets are tried: by who does
// it, and all together, since addresses are cheap.
type limits struct {
	requests, signIns *limit
}

func newLimits() *limits {
	return &limits{
		requests: newLimit(rate.Every(time.Minute), 5, rate.Every(time.Second), 60),
		signIns:  newLimit(rate.Every(6*time.Second), 10, rate.Every(100*time.Millisecond), 100),
	}
}

// knownAddresses are remembered; who was longest quiet is forgotten first.
const knownAddresses = 10_000

type limit struct {
	each  rate.Limit
	burst int
	all   *rate.Limiter

	mu    sync.Mutex
	known *lru.Cache[netip.Prefix, *rate.Limiter]
}

func newLimit(each rate.Limit, burst int, all rate.Limit, allBurst int) *limit {
	// The only error there is, a size that is not positive, cannot be here.
	known, _ := lru.New[netip.Prefix, *rate.Limiter](knownAddresses)
	return &limit{each: each, burst: burst, all: rate.NewLimiter(all, allBurst), known: known}
}

// allow takes one off what the sender of a request may do.
func (l *limit) allow(r *http.Request) bool {
	from := sender(r)
	l.mu.Lock()
	own, ok := l.known.Get(from)
	if !ok {
		own = rate.NewLimiter(l.each, l.burst)
		l.known.Add(from, own)
	}
	l.mu.Unlock()
	return own.Allow() && l.all.Allow()
}

// sender is who sent a request: the last address of X-Forwarded-For, which the gateway
// wrote there; what stands before it, anybody can write. Of IPv6 it is the network, since a
// household has as many addresses as it likes.
func sender(r *http.Request) netip.Prefix {
	text, _, _ := net.SplitHostPort(r.RemoteAddr)
	if forwarded := r.Header.Values("X-Forwarded-For"); len(forwarded) > 0 {
		last := forwarded[len(forwarded)-1]
		text = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits)
	return prefix
}
