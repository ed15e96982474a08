package probe

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/dsn"
)

// applicationName is what the database's pg_stat_activity shows for us.
const applicationName = "dragonfly-sidecar"

// config builds pgconn's configuration from the judged DSN. pgconn insists on
// parsing one itself, so it is given a text in which every setting is named:
// nothing of the PG* variables, service files or .pgpass gets in
// (docs/facts.md#accepted-dsns). PGSERVICE, which no text overrides, is gone since
// the environment was read (config.Load).
// It reads the sslrootcert file at each probe, so a new one counts.
func (p *Prober) config() (*pgconn.Config, error) {
	sslmode, named := p.dsn.SSLMode, p.dsn.SSLRootCert
	var pool *x509.CertPool
	if file := p.rootsFile(); file != "" {
		var err error
		if pool, err = p.roots.read(file); err != nil {
			return nil, fmt.Errorf("sslrootcert: %w", err)
		}
		if named = ""; sslmode == "require" {
			sslmode = "verify-ca" // what require means beside certificates, as in libpq
		}
	}
	config, err := pgconn.ParseConfig(fmt.Sprintf(`host=%s port=%d user=%s password=- dbname=%s sslmode=%s sslrootcert=%s`+
		` sslcert='' sslkey='' sslcertmode=disable sslsni=1 sslnegotiation=postgres passfile='' servicefile=''`+
		` connect_timeout=0 target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0`+
		` channel_binding=prefer require_auth=''`,
		quote(p.dsn.Host), p.dsn.Port, quote(p.dsn.User), quote(p.dsn.Database), sslmode, quote(named)))
	if err != nil {
		return nil, err
	}
	config.Password = p.dsn.Password.Reveal()
	config.Fallbacks = nil
	config.RuntimeParams = map[string]string{"application_name": applicationName}
	if p.dsn.Mode == dsn.ModeShared && p.dsn.Reference != "" {
		config.RuntimeParams["options"] = "reference=" + p.dsn.Reference
	}
	config.MaxProtocolMessageBodyLen = maxMessage
	if p.options.RootsPEM != "" && strings.HasPrefix(sslmode, "verify-") && p.dsn.SSLRootCert == "" {
		pool = x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(p.options.RootsPEM))
	}
	if pool != nil {
		config.TLSConfig.RootCAs = pool
	}
	return config, nil
}

// quote writes a value for pgconn's keyword/value form.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}
