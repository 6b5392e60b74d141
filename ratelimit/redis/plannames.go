package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

func (s *Store) planNameKey(id string) string { return s.prefix + "n:" + id }

// NamePlans implements ratelimit.Store.
func (s *Store) NamePlans(ctx context.Context, names map[string]string) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(names)), mostArguments) {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		pipe := s.client.Pipeline()
		for _, id := range ids {
			pipe.Set(ctx, s.planNameKey(id), names[id], daysKept*24*time.Hour)
		}
		_, err := pipe.Exec(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("redis: name plans: %w", err)
		}
	}
	return nil
}

// PlanNames implements ratelimit.Store.
func (s *Store) PlanNames(ctx context.Context, ids []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*s.timeout)
	defer cancel()
	names := map[string]string{}
	for some := range slices.Chunk(ids, mostArguments) {
		pipe := s.client.Pipeline()
		for _, id := range some {
			pipe.Get(ctx, s.planNameKey(id))
		}
		answers, err := pipe.Exec(ctx)
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("redis: read names of plans: %w", err)
		}
		for i, answer := range answers {
			switch name, err := answer.(*redis.StringCmd).Result(); {
			case err == nil:
				names[some[i]] = name
			case !errors.Is(err, redis.Nil):
				return nil, fmt.Errorf("redis: read names of plans: %w", err)
			}
		}
	}
	return names, nil
}
