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
	r = mapTimes(reflect.ValueOf(r), bound).Interface().(machine.Record)
	for i := range r.Windows {
		if w := &r.Windows[i]; !w.Opened.Before(w.Until) {
			w.Opened = w.Until.Add(-time.Minute)
		}
	}
	return r
}

var timeType = reflect.TypeFor[time.Time]()

// mapTimes is a copy of a value with all times below it changed, whichever fields a
// record has. The zero time, which is none, stays.
func mapTimes(v reflect.Value, change func(time.Time) time.Time) reflect.Value {
	changed := reflect.New(v.Type()).Elem()
	changed.Set(v)
	switch {
	case v.Type() == timeType:
		if t := v.Interface().(time.Time); !t.IsZero() {
			changed.Set(reflect.ValueOf(change(t)))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			changed.Field(i).Set(mapTimes(v.Field(i), change))
		}
	case v.Kind() == reflect.Slice && !v.IsNil():
		changed.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			changed.Index(i).Set(mapTimes(v.Index(i), change))
		}
	case v.Kind() == reflect.Map && !v.IsNil():
		changed.Set(reflect.MakeMap(v.Type()))
		for key, value := range v.Seq2() {
			changed.SetMapIndex(key, mapTimes(value, change))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		changed.Set(reflect.New(v.Type().Elem()))
		changed.Elem().Set(mapTimes(v.Elem(), change))
	}
	return changed
}

func bound(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t.UTC()
}
