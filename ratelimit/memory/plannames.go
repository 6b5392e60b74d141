package memory

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"go.etcd.io/bbolt"
)

// maxPlanNames bounds how many names of plans are kept.
const maxPlanNames = 10_000

// planNames are names of plans by their ids, for what was used of them.
type planNames struct {
	mu  sync.Mutex
	all map[string]planName
	// gone are names that the file may still have.
	gone []string
}

// planName is what a plan was called on the last day that there was one, which is also the
// last that there may be usage of.
type planName struct {
	name string
	day  int64
	// changed since it was written to the file.
	changed bool
}

// NamePlans implements ratelimit.Store.
func (s *Store) NamePlans(ctx context.Context, names map[string]string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	today := s.clock.read().wall.Unix() / secondsOfDay
	n := &s.planNames
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.all, func(id string, kept planName) bool {
		over := kept.day <= today-usageDays
		if over && s.file != nil {
			n.gone = append(n.gone, id)
		}
		return over
	})
	for id, name := range names {
		n.keep(id, planName{name, today, true})
	}
	return nil
}

// keep needs the lock.
func (n *planNames) keep(id string, name planName) {
	before, known := n.all[id]
	if known && before.name == name.name && before.day >= name.day || !known && len(n.all) >= maxPlanNames {
		return
	}
	n.all[id] = name
}

// PlanNames implements ratelimit.Store.
func (s *Store) PlanNames(ctx context.Context, ids []string) (map[string]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names := map[string]string{}
	s.planNames.mu.Lock()
	defer s.planNames.mu.Unlock()
	for _, id := range ids {
		if kept, known := s.planNames.all[id]; known {
			names[id] = kept.name
		}
	}
	return names, nil
}

// goOnFrom keeps the names of a file, but of plans that were named since.
func (n *planNames) goOnFrom(read *planNames) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, name := range read.all {
		if _, newer := n.all[id]; !newer {
			n.keep(id, name)
		}
	}
}

func (n *planNames) takeChanges(c *changes) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range n.gone {
		c.plans[id] = nil
	}
	n.gone = nil
	for id, name := range n.all {
		if name.changed {
			name.changed = false
			n.all[id] = name
			c.plans[id] = &name
		}
	}
}

func (n *planNames) putBack(c *changes) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id := range c.plans {
		if name, kept := n.all[id]; kept {
			name.changed = true
			n.all[id] = name
		} else {
			n.gone = append(n.gone, id)
		}
	}
}

func (c *changes) writePlans(tx *bbolt.Tx) error {
	plans, err := tx.CreateBucketIfNotExists(planRecords)
	if err != nil {
		return err
	}
	for id, name := range c.plans {
		if name == nil {
			err = plans.Delete([]byte(id))
		} else {
			err = plans.Put([]byte(id), append(numbers(name.day), name.name...))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *planNames) read(b *bbolt.Bucket) error {
	if b == nil {
		return nil
	}
	return b.ForEach(func(id, value []byte) error {
		if len(value) < 8 {
			return fmt.Errorf("the name of the plan %q can't be understood", id)
		}
		n.all[string(id)] = planName{name: string(value[8:]), day: readNumbers(value[:8], 1)[0]}
		return nil
	})
}
