package websocket

// BudgetLeft is how many bytes of messages there is room for.
func (s *Server) BudgetLeft() int64 { return s.budget.left.Load() }
