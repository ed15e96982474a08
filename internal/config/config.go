// Package config reads the environment into one struct, and the DSN from where the
// environment says it is.
package config

import (
	"cmp"
	"errors"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Config is the environment (docs/config.md). An empty variable is an unset one.
// Spans of time take 15m, 900s or bare seconds.
type Config struct {
	DatabaseURL string `envconfig:"DATABASE_URL"`            // the apps' own DSN; unset: nothing is dialled
	URLFile     string `envconfig:"DATABASE_URL_FILE"`       // the same from a file, read anew when it changes
	Mode        Mode   `envconfig:"SUPABASE_MODE"`           // prod or dev
	Connection  string `envconfig:"DB_CONNECTION_MODE"`      // direct_waiver asks for the waiver
	WaiverEnds  string `envconfig:"SIDECAR_WAIVER_EXPIRES"`  // end of the waiver: a date or RFC 3339
	WaiverWhy   string `envconfig:"SIDECAR_WAIVER_REASON"`   // required when the end is set
	ProdRef     string `envconfig:"SIDECAR_PROD_REF"`        // canonical project refs
	DevRef      string `envconfig:"SIDECAR_DEV_REF"`         //
	AllowHosts  string `envconfig:"SIDECAR_ALLOW_HOSTS"`     // exact host names of poolers of one's own
	RootsPEM    string `envconfig:"SIDECAR_SSLROOTCERT_PEM"` // certificates for verify-ca and verify-full

	Port          Port   `envconfig:"PORT" default:"8080"`
	ProbeInterval Span   `envconfig:"SIDECAR_PROBE_INTERVAL" default:"30s"` // between probes while ready
	ProbeTimeout  Span   `envconfig:"SIDECAR_PROBE_TIMEOUT" default:"5s"`   // one whole probe
	RetryMin      Span   `envconfig:"SIDECAR_RETRY_MIN" default:"2s"`
	RetryMax      Span   `envconfig:"SIDECAR_RETRY_MAX" default:"60s"`
	LockoutMin    Span   `envconfig:"SIDECAR_LOCKOUT_MIN" default:"15m"` // the floor is a promise
	LockoutMax    Span   `envconfig:"SIDECAR_LOCKOUT_MAX" default:"20m"`
	BreakerMin    Span   `envconfig:"SIDECAR_BREAKER_MIN"` // of a circuit_breaker; by default the lockout's
	BreakerMax    Span   `envconfig:"SIDECAR_BREAKER_MAX"`
	BanMin        Span   `envconfig:"SIDECAR_BAN_MIN" default:"30m"`
	BanMax        Span   `envconfig:"SIDECAR_BAN_MAX" default:"35m"`
	RejectedMin   Span   `envconfig:"SIDECAR_REJECTED_MIN" default:"15m"`
	RejectedMax   Span   `envconfig:"SIDECAR_REJECTED_MAX" default:"30m"`
	LockoutOn     Counts `envconfig:"SIDECAR_LOCKOUT_ON" default:"server_login_retry,query_wait_timeout,circuit_breaker,network_ban"`

	ProxyPort  OptionalPort `envconfig:"SIDECAR_PROXY_PORT"`                // the proxy listens there; unset: there is none
	ProxyMax   Count        `envconfig:"SIDECAR_PROXY_MAX" default:"1000"`  // its connections at one time
	ProxyDrain Span         `envconfig:"SIDECAR_PROXY_DRAIN" default:"25s"` // what open ones get once the process is to end

	State         string `envconfig:"SIDECAR_STATE"`         // where the deadline lives: memory:, file:PATH, redis://, rediss://, or with +sentinel
	SidecarURL    string `envconfig:"SIDECAR_URL"`           // the sidecar that client commands ask
	Token         string `envconfig:"SIDECAR_TOKEN"`         // protects / and /status
	TokenFile     string `envconfig:"SIDECAR_TOKEN_FILE"`    // the same from a file, read at the start
	MetricsSecret string `envconfig:"SIDECAR_METRICS_TOKEN"` // protects /metrics
	LogFormat     string `envconfig:"SIDECAR_LOG_FORMAT"`    // text or json; by default text on a terminal
	LogLevel      string `envconfig:"SIDECAR_LOG_LEVEL" default:"info"`
	Environment   string `envconfig:"RAILWAY_ENVIRONMENT_NAME"`  // production makes prod the default mode
	Volume        string `envconfig:"RAILWAY_VOLUME_MOUNT_PATH"` // holds the state when SIDECAR_STATE is not set
	ClearBefore   Moment `envconfig:"SIDECAR_CLEAR_BEFORE"`      // windows and holds from before are over
	InheritURL    string `envconfig:"SIDECAR_INHERIT_URL"`       // a sidecar that may know of a window

	NotifyURL    string `envconfig:"SIDECAR_NOTIFY_URL"`    // where messages to people go
	NotifySecret string `envconfig:"SIDECAR_NOTIFY_SECRET"` // signs those to a webhook of one's own

	AccessToken string `envconfig:"SUPABASE_ACCESS_TOKEN"`                                   // of Supabase's management API, for bans
	SupabaseAPI string `envconfig:"SIDECAR_SUPABASE_API" default:"https://api.supabase.com"` // its address
}

// Load reads and checks the environment. An error is one line that names
// the variable, without its value where that could be a secret.
func Load() (Config, error) {
	var c Config
	HideService()
	dropEmpty(reflect.TypeFor[Config]())
	if err := envconfig.Process("", &c); err != nil {
		if parse, ok := errors.AsType[*envconfig.ParseError](err); ok { // its own text quotes the value
			return c, Refuse(parse.KeyName, parse.Err.Error())
		}
		return c, err
	}
	if c.Mode == "" {
		c.Mode = Mode(dsn.Dev)
		if c.Environment == "production" {
			c.Mode = Mode(dsn.Prod)
		}
	}
	if err := c.check(); err != nil {
		return c, err
	}
	return c, c.readToken()
}

// LoadFor is loadConfig for another environment, if one is given.
func LoadFor(env string) (Config, error) {
	c, err := Load()
	if err == nil && env != "" {
		if err = c.Mode.Decode(env); err != nil {
			err = exit.Fail(exit.Usage, "--env: "+err.Error(), "")
		}
	}
	return c, err
}

// dropEmpty unsets the variables that are there but empty; envconfig would take
// the empty text for a value.
func dropEmpty(spec reflect.Type) {
	for field := range spec.Fields() {
		name := field.Tag.Get("envconfig")
		if value, set := os.LookupEnv(name); set && strings.TrimSpace(value) == "" {
			os.Unsetenv(name)
		}
	}
}

// HideService unsets the two variables of libpq that lead to a service file. All the
// others are overridden by what the prober names itself; a service that is not to be
// found makes pgconn refuse every DSN. It is called before anything is dialled: a
// process has one environment for all its goroutines.
func HideService() {
	os.Unsetenv("PGSERVICE")
	os.Unsetenv("PGSERVICEFILE")
}

// DirectWaiver is the one value of DB_CONNECTION_MODE (docs/seed.md#waiver).
const DirectWaiver = "direct_waiver"

func Refuse(name, what string) error {
	return exit.Fail(exit.Failure, name+": "+what, "")
}

// Rules are the guard's.
func (c Config) Rules() dsn.Rules {
	return dsn.Rules{
		Env:           dsn.Env(c.Mode),
		ProdRef:       c.ProdRef,
		DevRef:        c.DevRef,
		AllowHosts:    dsn.SplitHosts(c.AllowHosts),
		DirectWaiver:  c.Connection == DirectWaiver,
		WaiverExpires: c.WaiverEnds,
		WaiverReason:  c.WaiverWhy,
	}
}

// SidecarToken is what / and /status of the sidecar may want.
func (c Config) SidecarToken() dsn.Secret { return dsn.NewSecret(c.Token) }

// MetricsToken is what /metrics of the sidecar may want.
func (c Config) MetricsToken() dsn.Secret { return dsn.NewSecret(c.MetricsSecret) }

// Policy is the supervisor's.
func (c Config) Policy() machine.Policy {
	d := func(s Span) time.Duration { return time.Duration(s) }
	return machine.Policy{
		ProbeInterval: d(c.ProbeInterval),
		ProbeTimeout:  d(c.ProbeTimeout),
		Retry:         machine.Range{Min: d(c.RetryMin), Max: d(c.RetryMax)},
		Lockout:       machine.Range{Min: d(c.LockoutMin), Max: d(c.LockoutMax)},
		Breaker:       machine.Range{Min: d(cmp.Or(c.BreakerMin, c.LockoutMin)), Max: d(cmp.Or(c.BreakerMax, c.LockoutMax))},
		Ban:           machine.Range{Min: d(c.BanMin), Max: d(c.BanMax)},
		Rejected:      machine.Range{Min: d(c.RejectedMin), Max: d(c.RejectedMax)},
		Counts:        c.LockoutOn,
	}
}
