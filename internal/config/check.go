package config

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
)

// check holds the variables against each other, and those against their form that
// envconfig takes as they are. Of several faults it names the one whose variable is
// declared first in [Config], each time the same.
func (c Config) check() error {
	path, isFile := strings.CutPrefix(c.State, "file:")
	breakerMin, breakerMax := cmp.Or(c.BreakerMin, c.LockoutMin), cmp.Or(c.BreakerMax, c.LockoutMax)
	inRedis := isRedis(c.State)
	_, redisErr := redisURL(c.State)
	_, levelErr := parseLevel(c.LogLevel)
	const wantsPath = "want a path, and this looks like a DSN; that goes into DATABASE_URL"
	const wantsRef = "want a project ref such as iaketsyhmqbwaabgykux" // findings print it
	for _, fault := range []struct {
		found      bool
		name, what string
	}{
		{c.DatabaseURL != "" && c.URLFile != "", "DATABASE_URL_FILE", "DATABASE_URL is set as well; set one of them"},
		{isDSN(c.URLFile), "DATABASE_URL_FILE", wantsPath},
		{c.Connection != "" && c.Connection != DirectWaiver, "DB_CONNECTION_MODE", "want direct_waiver, or nothing"},
		{isDSN(c.WaiverWhy), "SIDECAR_WAIVER_REASON", "want a sentence, not a DSN"}, // /status prints it
		{!isRef(c.ProdRef), "SIDECAR_PROD_REF", wantsRef},
		{!isRef(c.DevRef), "SIDECAR_DEV_REF", wantsRef},
		{c.AllowHosts != "" && !dsn.AreHosts(dsn.SplitHosts(c.AllowHosts)), "SIDECAR_ALLOW_HOSTS",
			"want host names or addresses alone, separated by commas, such as pgbouncer,10.0.0.5"},
		{c.RootsPEM != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.RootsPEM)), "SIDECAR_SSLROOTCERT_PEM",
			"holds no certificate; want PEM text that begins with -----BEGIN CERTIFICATE-----"},
		{c.RetryMax < c.RetryMin, "SIDECAR_RETRY_MAX", isBelow(c.RetryMax, "SIDECAR_RETRY_MIN", c.RetryMin)},
		{c.LockoutMax < c.LockoutMin, "SIDECAR_LOCKOUT_MAX", isBelow(c.LockoutMax, "SIDECAR_LOCKOUT_MIN", c.LockoutMin)},
		{breakerMax < breakerMin, "SIDECAR_BREAKER_MAX", isBelow(breakerMax, "SIDECAR_BREAKER_MIN", breakerMin)},
		{c.BanMax < c.BanMin, "SIDECAR_BAN_MAX", isBelow(c.BanMax, "SIDECAR_BAN_MIN", c.BanMin)},
		{c.RejectedMax < c.RejectedMin, "SIDECAR_REJECTED_MAX", isBelow(c.RejectedMax, "SIDECAR_REJECTED_MIN", c.RejectedMin)},
		{inRedis && redisErr != nil, "SIDECAR_STATE", fmt.Sprint(redisErr)},
		{c.State != "" && c.State != "memory:" && !inRedis && (!isFile || path == ""), "SIDECAR_STATE", "want memory:, file:PATH, redis://HOST or rediss://HOST"},
		{isDSN(c.State) && !inRedis, "SIDECAR_STATE", wantsPath},
		{!isURL(c.SidecarURL), "SIDECAR_URL", wantsURL},
		{c.Token != "" && c.TokenFile != "", "SIDECAR_TOKEN_FILE", "SIDECAR_TOKEN is set as well; set one of them"},
		{isDSN(c.TokenFile), "SIDECAR_TOKEN_FILE", wantsPath},
		{c.LogFormat != "" && c.LogFormat != "text" && c.LogFormat != "json", "SIDECAR_LOG_FORMAT", "want text or json"},
		{levelErr != nil, "SIDECAR_LOG_LEVEL", fmt.Sprint(levelErr)},
		{isDSN(c.Volume), "RAILWAY_VOLUME_MOUNT_PATH", wantsPath},
		{c.ProxyPort.Set && c.ProxyPort.Port == c.Port && c.Port != 0, "SIDECAR_PROXY_PORT", "is PORT as well; the proxy needs a port of its own, such as 6432"},
		{time.Time(c.ClearBefore).After(time.Now()), "SIDECAR_CLEAR_BEFORE", "lies in the future"},
		{!isURL(c.InheritURL), "SIDECAR_INHERIT_URL", wantsURL},
		{!isURL(c.NotifyURL), "SIDECAR_NOTIFY_URL", "want a URL such as https://hooks.slack.com/services/..."},
		{!isToken(c.AccessToken), "SUPABASE_ACCESS_TOKEN", "want the token alone, such as sbp_ and 40 hex digits"},
		{!isPrivate(c.SupabaseAPI), "SIDECAR_SUPABASE_API", "want an https URL, or an http one of this machine, such as http://127.0.0.1:8080: the token goes there"},
	} {
		if fault.found {
			return Refuse(fault.name, fault.what)
		}
	}
	return nil
}

func isDSN(text string) bool { return strings.Contains(text, "://") }

// refShape is what a project ref may look like; a DSN does not.
var refShape = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func isRef(text string) bool { return text == "" || refShape.MatchString(text) }

const wantsURL = "want a URL such as http://sidecar.railway.internal:8080"

func isURL(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func isBelow(most Span, name string, least Span) string {
	return fmt.Sprintf("is %s, below %s, which is %s", time.Duration(most), name, time.Duration(least))
}
