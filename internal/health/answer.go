package health

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"time"
	"unicode/utf16"

	"dragonfly.internal/sidecar/internal/printable"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Absence is why there is no answer.
type Absence int

// The absences. The zero value is Nobody.
const (
	Nobody   Absence = iota // nothing listens there, or no way leads there
	Silent                  // the connection is taken, and no answer comes
	Unlikely                // an answer that no sidecar gives, or that contradicts itself
)

// NoAnswerError says that a sidecar has given no answer that counts.
type NoAnswerError struct {
	Address string // of the sidecar, without a password
	Absence Absence
	Err     error
}

// Words are the error without its cause.
func (e *NoAnswerError) Words() string {
	words := "no sidecar answers at " + e.Address
	switch e.Absence {
	case Silent:
		words += ", though connections are taken there: it may hang, or be stopped"
	case Unlikely:
		words += ", but something else does"
	}
	return words
}

func (e *NoAnswerError) Error() string { return e.Words() + ": " + printable.Line(e.Err.Error(), 300) }

// Unwrap returns the cause.
func (e *NoAnswerError) Unwrap() error { return e.Err }

// Unanswered are the words for an error of a [Client], without its cause.
func Unanswered(err error) string {
	if none, ok := errors.AsType[*NoAnswerError](err); ok {
		return none.Words()
	}
	return err.Error()
}

// silence is a request without a response.
func (c Client) silence(err error, connected bool) error {
	if asking, ok := errors.AsType[*url.Error](err); ok { // its text has the address once more
		err = asking.Err
	}
	none := &NoAnswerError{Address: c.shown(), Err: err}
	if connected {
		none.Absence = Silent
	}
	return none
}

// doubt is a response that is no answer, where there is a reason to think so.
func (c Client) doubt(why error) error {
	if why == nil {
		return nil
	}
	return &NoAnswerError{c.shown(), Unlikely, why}
}

// shown is the address as it may be shown.
func (c Client) shown() string {
	base, err := url.Parse(c.URL)
	if err != nil {
		return "SIDECAR_URL"
	}
	return printable.Line(base.Redacted(), 300)
}

// contradiction is what speaks against a readiness. Code, ready and state have to
// agree; only who asked for a stable database may hear of one that is ready and not
// ready enough.
func (r Readiness) contradiction(code int, stable bool) error {
	isReady := r.State == string(machine.Ready)
	switch {
	case r.State == "":
		return errors.New("its readiness is another program's")
	case r.Ready != (code == 200), r.Ready && !isReady, isReady && !r.Ready && !stable:
		return fmt.Errorf("its readiness contradicts itself: code %d, ready %t, state %s", code, r.Ready, r.State)
	}
	return nil
}

// contradiction is what speaks against a status.
func (s Status) contradiction() error {
	switch {
	case s.State == "":
		return errors.New("its status is another program's")
	case s.Ready && s.State != string(machine.Ready) && s.State != string(machine.Stopping):
		return fmt.Errorf("its status contradicts itself: ready, and in state %s", s.State)
	}
	return nil
}

// farthest is how far ahead an answer may speak of: no window is as long.
const farthest = 30 * 24 * time.Hour

// bound keeps the times of an answer where sums and JSON can hold them.
func (r *Readiness) bound(now time.Time) {
	boundRetry(&r.RetryAt, &r.RetryInSeconds, now)
}

// bound keeps the times of an answer where sums and JSON can hold them.
func (s *Status) bound(now time.Time) {
	boundRetry(&s.RetryAt, &s.RetryInSeconds, now)
	s.Since = notBeyond(s.Since, now)
	if s.LastAttempt != nil {
		s.LastAttempt.At = notBeyond(s.LastAttempt.At, now)
	}
	if s.Fleet != nil && s.Fleet.HeardAt != nil {
		*s.Fleet.HeardAt = notBeyond(*s.Fleet.HeardAt, now)
	}
	if s.LastSuccessAt != nil {
		*s.LastSuccessAt = notBeyond(*s.LastSuccessAt, now)
	}
	for i := range s.History {
		s.History[i].At = notBeyond(s.History[i].At, now)
	}
}

// boundRetry bounds the next attempt, and lets its two forms stand together: readers
// take either. A remaining time below zero is none that was meant; the other
// sidecar's clock says what it has.
func boundRetry(at **time.Time, seconds *int64, now time.Time) {
	if *at != nil {
		*at = new(notBeyond(**at, now))
		if *seconds < 0 {
			*seconds = machine.CeilSeconds((*at).Sub(now))
		}
	}
	*seconds = min(max(*seconds, 0), int64(farthest/time.Second))
	if *at == nil && *seconds > 0 {
		*at = new(now.Add(time.Duration(*seconds) * time.Second).UTC().Truncate(time.Second))
	}
}

func notBeyond(t, now time.Time) time.Time {
	if limit := now.Add(farthest); t.After(limit) {
		return limit
	}
	return t
}

// longestWord bounds one text of an answer; our own advice is the longest there is.
const longestWord = 1000

// clean makes every text in an answer fit to print.
func clean(answer any) { cleanValue(reflect.ValueOf(answer)) }

func cleanValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(printable.Line(v.String(), longestWord))
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*time.Time]() {
			cleanValue(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			cleanValue(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			for _, field := range v.Fields() {
				cleanValue(field)
			}
		}
	}
}

// escaped is JSON in which characters that are not seen are written as escapes.
func escaped(text []byte) json.RawMessage {
	var compact bytes.Buffer
	if json.Compact(&compact, text) != nil {
		return nil // decoded before
	}
	var b bytes.Buffer
	for _, r := range compact.String() {
		switch {
		case !printable.Hidden(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
