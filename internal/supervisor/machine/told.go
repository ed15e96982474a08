package machine

import "time"

// Told is what people have been told of an outage, so that no process repeats it.
// The zero value: nothing, ever.
type Told struct {
	Down  time.Time            `json:"down,omitzero"`   // when readiness was lost; zero: people know of no outage
	About map[string]time.Time `json:"about,omitempty"` // what was told of it, and when; never changed once it is known to others
	Last  time.Time            `json:"last"`            // when the last message was made, also of an end
}

// IsZero reports whether nothing was ever told.
func (t Told) IsZero() bool { return t.Last.IsZero() && t.Down.IsZero() }
