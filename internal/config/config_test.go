package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// wrong is a value that each variable is refused for by itself.
var wrong = []struct{ name, value string }{
	{"DATABASE_URL_FILE", "file://dsn"},
	{"DB_CONNECTION_MODE", "sideways"},
	{"SIDECAR_WAIVER_REASON", "postgresql://a:b@c/d"},
	{"SIDECAR_PROD_REF", "no ref"},
	{"SIDECAR_DEV_REF", "no ref"},
	{"SIDECAR_ALLOW_HOSTS", "a b"},
	{"SIDECAR_SSLROOTCERT_PEM", "no PEM"},
	{"SIDECAR_RETRY_MAX", "1s"},
	{"SIDECAR_LOCKOUT_MAX", "1s"},
	{"SIDECAR_BREAKER_MAX", "1s"},
	{"SIDECAR_BAN_MAX", "1s"},
	{"SIDECAR_REJECTED_MAX", "1s"},
	{"SIDECAR_STATE", "somewhere"},
	{"SIDECAR_URL", "nowhere"},
	{"SIDECAR_LOG_FORMAT", "prose"},
	{"SIDECAR_LOG_LEVEL", "loud"},
	{"RAILWAY_VOLUME_MOUNT_PATH", "redis://volume"},
	{"SIDECAR_CLEAR_BEFORE", "9999-01-01T00:00:00Z"},
	{"SIDECAR_INHERIT_URL", "nowhere"},
}

// TestFirstFault: of two bad variables the one that is declared first is named,
// each time.
func TestFirstFault(t *testing.T) {
	place := make(map[string]int) // of the declaration
	for field := range reflect.TypeFor[Config]().Fields() {
		name := field.Tag.Get("envconfig")
		place[name] = len(place)
		t.Setenv(name, "")
	}
	for i, first := range wrong {
		if i > 0 && place[first.name] <= place[wrong[i-1].name] {
			t.Fatalf("%s is not declared after %s", first.name, wrong[i-1].name)
		}
		for _, second := range wrong[i:] {
			os.Setenv(first.name, first.value)
			os.Setenv(second.name, second.value)
			for range 10 {
				if _, err := Load(); err == nil || !strings.HasPrefix(err.Error(), first.name+": ") {
					t.Fatalf("%s and %s: %v", first.name, second.name, err)
				}
			}
			os.Unsetenv(first.name)
			os.Unsetenv(second.name)
		}
	}
}

// TestServiceFilesAreNotRead: what leads to a service file is gone once the
// environment was read; CMD of sidecar run gets the one from before.
func TestServiceFilesAreNotRead(t *testing.T) {
	for _, name := range []string{"PGSERVICE", "PGSERVICEFILE"} {
		t.Setenv(name, "nosuch")
	}
	if _, err := Load(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"PGSERVICE", "PGSERVICEFILE"} {
		if value, set := os.LookupEnv(name); set {
			t.Errorf("%s is still %q", name, value)
		}
	}
}
