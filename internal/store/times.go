package store

import (
	"reflect"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// The times that a record may hold. JSON ends with the year 9999, in UTC; a year is
// left for what is added to them.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Storable returns the record with its times in UTC and between 1970 and 9999,
// those of a file or of another process too: any other could be neither written
// nor shown. The zero time, which is none, stays zero; a window opens before its end.
func Storable(r machine.Record) machine.Record {
	r = storable(reflect.ValueOf(r)).Interface().(machine.Record)
	for i := range r.Windows {
		if w := &r.Windows[i]; !w.Opened.Before(w.Until) {
			w.Opened = w.Until.Add(-time.Minute)
		}
	}
	return r
}

var timeType = reflect.TypeFor[time.Time]()

// storable is a copy of a value with all times below it bounded, whichever fields a
// record has.
func storable(v reflect.Value) reflect.Value {
	bounded := reflect.New(v.Type()).Elem()
	bounded.Set(v)
	switch {
	case v.Type() == timeType:
		bounded.Set(reflect.ValueOf(bound(v.Interface().(time.Time))))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			bounded.Field(i).Set(storable(v.Field(i)))
		}
	case v.Kind() == reflect.Slice && !v.IsNil():
		bounded.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			bounded.Index(i).Set(storable(v.Index(i)))
		}
	case v.Kind() == reflect.Map && !v.IsNil():
		bounded.Set(reflect.MakeMap(v.Type()))
		for key, value := range v.Seq2() {
			bounded.SetMapIndex(key, storable(value))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		bounded.Set(reflect.New(v.Type().Elem()))
		bounded.Elem().Set(storable(v.Elem()))
	}
	return bounded
}

func bound(t time.Time) time.Time {
	switch {
	case t.IsZero():
		return t
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t.UTC()
}
