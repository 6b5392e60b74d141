package store_test

import (
	"testing"

	"gatehouse/management/store"
	"gatehouse/management/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return store.NewMemory() })
}
