package requests

// Stats says what the connections of an [HTTPAdapter] are doing.
type Stats struct {
	Open    int   // connections that are open
	Idle    int   // of these, the ones that no request uses
	Waiting int   // requests without a connection yet: one is being made, or PoolBlock has them wait
	Dialed  int64 // connections made so far
	Reused  int64 // requests that got a connection made before
}

// Stats says what the connections are doing now. Of pools that were given up
// for others only the totals are counted.
func (a *HTTPAdapter) Stats() Stats {
	s := a.engine.Stats()
	return Stats{Open: s.Open, Idle: s.Idle, Waiting: s.Waiting, Dialed: s.Dialed, Reused: s.Reused}
}

// CloseIdleConnections closes the connections that no request uses now. The
// adapter goes on to work. [Session.Close] is for the end.
func (a *HTTPAdapter) CloseIdleConnections() { a.engine.CloseIdle() }

// Close closes the idle connections, and those in use once their response has
// been read or closed. Calls that have begun may end; later ones return [ErrClosed].
func (a *HTTPAdapter) Close() error { return a.engine.Close() }
