package websocket

import "time"

// Meter counts what bills are made of.
type Meter interface {
	// Message is one of so many bytes, to a client or from it, of a connection with an API
	// key, "" for none.
	Message(api, stage, key string, bytes int)
	// Ended is a connection that has ended.
	Ended(api, stage, key string, lasted time.Duration)
}

func (s *Server) meterMessage(a *about, bytes int) {
	if s.meter != nil {
		s.meter.Message(a.stage.api, a.stage.stage, a.apiKeyID, bytes)
	}
}

func (s *Server) meterEnd(a *about) {
	if s.meter != nil {
		s.meter.Ended(a.stage.api, a.stage.stage, a.apiKeyID, max(0, time.Since(a.connected)))
	}
}
