// Package redis is the directory of WebSocket connections for several processes. It
// keeps in Redis which process has a connection, and takes commands there by Redis's
// channels: processes need not reach each other.
//
// That a connection is gone is only said when it is known. As long as Redis may have lost
// what it knew, or a process that has connections cannot be reached, commands fail.
package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/integration/websocket"
)

// Options configure a Directory. Client is needed; the zero value of every other means
// its default.
type Options struct {
	// Client is not closed by the Directory.
	Client redis.UniversalClient
	// Prefix of all keys and channels, "gatehouse:" by default.
	Prefix string
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Beat is how often a process shows that it is there, 10 seconds by default. One that
	// has not for three beats is gone, and its connections with it.
	Beat time.Duration
	// Timeout is how long a command may take that is sent to another process: 12 seconds.
	Timeout time.Duration
}

const (
	// entryLife is longer than any connection's, which are a day at most.
	entryLife = 25 * time.Hour
	// claimsAtOnce is how many connections are entered in one go.
	claimsAtOnce = 500
	// commandsAtOnce is how many commands of others are carried out here at a time.
	commandsAtOnce = 1024
	// claimBeats is after how many beats all connections are entered again: a Redis that
	// takes the place of another may lack what was last entered.
	claimBeats = 6
	// again is how soon a command is sent again that nobody received.
	again = 100 * time.Millisecond
)

// Directory implements websocket.Directory.
type Directory struct {
	client  redis.UniversalClient
	prefix  string
	process string
	log     *slog.Logger
	beat    time.Duration
	timeout time.Duration

	executor websocket.Executor
	inbox    *redis.PubSub
	slots    chan struct{}
	running  context.Context
	stop     context.CancelFunc
	work     sync.WaitGroup

	mu      sync.Mutex
	waiting map[string]chan websocket.Result
}

var _ websocket.Directory = (*Directory)(nil)

// New makes a Directory. It does not connect: Redis may come later.
func New(o Options) *Directory {
	d := &Directory{
		client: o.Client, prefix: cmp.Or(o.Prefix, "gatehouse:") + "websocket:", process: random(), log: cmp.Or(o.Log, slog.Default()),
		beat: cmp.Or(o.Beat, 10*time.Second), timeout: cmp.Or(o.Timeout, 12*time.Second),
		slots: make(chan struct{}, commandsAtOnce), waiting: map[string]chan websocket.Result{},
	}
	d.running, d.stop = context.WithCancel(context.Background())
	return d
}

func random() string {
	var b [12]byte
	rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// What is kept: the process of each connection, the processes that are there, those whose
// connections were all entered, and that none of that was lost.
func (d *Directory) entry(connection string) string { return d.prefix + "connection:" + connection }
func (d *Directory) alive(process string) string    { return d.prefix + "process:" + process }
func (d *Directory) entered(process string) string  { return d.prefix + "entered:" + process }
func (d *Directory) complete() string               { return d.prefix + "complete" }
func (d *Directory) channel(process string) string  { return d.prefix + "to:" + process }

// Start implements websocket.Directory.
func (d *Directory) Start(e websocket.Executor) {
	d.executor = e
	// It subscribes again whenever it loses Redis.
	d.inbox = d.client.Subscribe(d.running, d.channel(d.process))
	d.work.Go(d.receive)
	d.work.Go(d.keep)
}

// Close implements websocket.Directory. Others learn at once that the process is gone.
func (d *Directory) Close() {
	d.stop()
	if d.inbox != nil {
		_ = d.inbox.Close() // it is of no use any more
	}
	d.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = d.client.Del(ctx, d.alive(d.process)).Err() // it expires in any case
}

// Claim implements websocket.Directory. The process shows itself along with it, for its
// first beat may be still to come.
func (d *Directory) Claim(ctx context.Context, connection string) error {
	pipe := d.client.Pipeline()
	pipe.Set(ctx, d.entry(connection), d.process, entryLife)
	pipe.Set(ctx, d.alive(d.process), "", 3*d.beat)
	_, err := pipe.Exec(ctx)
	return err
}

// Release implements websocket.Directory.
func (d *Directory) Release(ctx context.Context, connection string) error {
	return d.client.Del(ctx, d.entry(connection)).Err()
}

// keep shows that the process is there, and enters all of its connections where they may
// have been lost.
func (d *Directory) keep() {
	tick := time.NewTicker(d.beat)
	defer tick.Stop()
	var incomplete time.Time
	for n := 0; ; n++ {
		if err := d.show(n%claimBeats == 0, &incomplete); err != nil && d.running.Err() == nil {
			d.log.Warn("other processes cannot reach the WebSocket connections of this one", "error", err)
		}
		select {
		case <-tick.C:
		case <-d.running.Done():
			return
		}
	}
}

// show is one beat. Others notice as well when Redis has lost what it knew, within a beat;
// after two, all that there is has been entered again.
func (d *Directory) show(claim bool, incomplete *time.Time) error {
	ctx, cancel := context.WithTimeout(d.running, 3*d.beat)
	defer cancel()
	pipe := d.client.Pipeline()
	entered := pipe.Exists(ctx, d.entered(d.process))
	whole := pipe.Exists(ctx, d.complete())
	if _, err := pipe.Exec(ctx); err != nil {
		*incomplete = time.Time{}
		return err
	}
	if claim || entered.Val() == 0 {
		if err := d.claimAll(ctx); err != nil {
			return err
		}
	}
	pipe = d.client.Pipeline()
	pipe.Set(ctx, d.alive(d.process), "", 3*d.beat)
	pipe.Set(ctx, d.entered(d.process), "", 3*d.beat)
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	switch {
	case whole.Val() != 0:
		*incomplete = time.Time{}
	case incomplete.IsZero():
		*incomplete = time.Now()
	case time.Since(*incomplete) >= 2*d.beat:
		return d.client.Set(ctx, d.complete(), "", 0).Err()
	}
	return nil
}

func (d *Directory) claimAll(ctx context.Context) error {
	ids := d.executor.Connections()
	for len(ids) > 0 {
		n := min(len(ids), claimsAtOnce)
		pipe := d.client.Pipeline()
		for _, id := range ids[:n] {
			pipe.Set(ctx, d.entry(id), d.process, entryLife)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("entering connections: %w", err)
		}
		ids = ids[n:]
	}
	return nil
}

// letter is what processes send each other: a command, or what became of one.
type letter struct {
	ID      string             `json:"id"`
	From    string             `json:"from,omitempty"`
	Command *websocket.Command `json:"command,omitempty"`
	Result  *websocket.Result  `json:"result,omitempty"`
}

// Ask implements websocket.Directory.
func (d *Directory) Ask(ctx context.Context, command websocket.Command) (websocket.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	owner, err := d.owner(ctx, command.Connection)
	if err != nil {
		return websocket.Result{}, err
	}
	id := random()
	answer := make(chan websocket.Result, 1)
	d.mu.Lock()
	d.waiting[id] = answer
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.waiting, id)
		d.mu.Unlock()
	}()
	text, err := json.Marshal(letter{ID: id, From: d.process, Command: &command})
	if err != nil {
		return websocket.Result{}, err
	}
	if err := d.send(ctx, owner, text); err != nil {
		return websocket.Result{}, err
	}
	select {
	case result := <-answer:
		return result, nil
	case <-ctx.Done():
		return websocket.Result{}, fmt.Errorf("the process that has the connection does not answer: %w", ctx.Err())
	case <-d.running.Done():
		return websocket.Result{}, errors.New("the process is about to end")
	}
}

// owner finds the process that has a connection.
func (d *Directory) owner(ctx context.Context, connection string) (string, error) {
	pipe := d.client.Pipeline()
	entry := pipe.Get(ctx, d.entry(connection))
	whole := pipe.Exists(ctx, d.complete())
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return "", err
	}
	owner, err := entry.Result()
	switch {
	case errors.Is(err, redis.Nil) && whole.Val() == 0:
		return "", errors.New("the connections are not all known to Redis yet")
	case errors.Is(err, redis.Nil), owner == d.process:
		return "", websocket.ErrNobody
	case err != nil:
		return "", err
	}
	there, err := d.client.Exists(ctx, d.alive(owner)).Result()
	switch {
	case err != nil:
		return "", err
	case there == 0:
		// Should it come back, it enters its connections again.
		_ = d.client.Del(ctx, d.entry(connection)).Err()
		return "", websocket.ErrNobody
	}
	return owner, nil
}

// send sends a letter. Nobody has it for a moment where a process has lost Redis and is
// about to be back; in a Cluster that cannot be told.
func (d *Directory) send(ctx context.Context, process string, text []byte) error {
	_, cluster := d.client.(*redis.ClusterClient)
	for {
		received, err := d.client.Publish(ctx, d.channel(process), text).Result()
		switch {
		case err != nil:
			return err
		case received > 0 || cluster:
			return nil
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return fmt.Errorf("the process that has the connection is not reached: %w", ctx.Err())
		}
	}
}

// receive takes the letters of others.
func (d *Directory) receive() {
	for message := range d.inbox.Channel(redis.WithChannelSize(1000)) {
		var in letter
		if err := json.Unmarshal([]byte(message.Payload), &in); err != nil {
			d.log.Warn("another process sends what is no letter", "error", err)
			continue
		}
		switch {
		case in.Result != nil:
			d.mu.Lock()
			if answer := d.waiting[in.ID]; answer != nil {
				answer <- *in.Result
				delete(d.waiting, in.ID)
			}
			d.mu.Unlock()
		case in.Command != nil:
			select {
			case d.slots <- struct{}{}:
				d.work.Go(func() {
					defer func() { <-d.slots }()
					d.answer(in, d.executor.Execute(*in.Command))
				})
			default:
				d.work.Go(func() { d.answer(in, websocket.Result{Status: http.StatusTooManyRequests}) })
			}
		}
	}
}

func (d *Directory) answer(in letter, result websocket.Result) {
	text, err := json.Marshal(letter{ID: in.ID, Result: &result})
	if err != nil {
		return // there is no such result
	}
	ctx, cancel := context.WithTimeout(d.running, d.timeout)
	defer cancel()
	if err := d.client.Publish(ctx, d.channel(in.From), text).Err(); err != nil {
		d.log.Debug("another process does not get its answer", "error", err)
	}
}
