package probe

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/dsn"
)

// applicationName is what the database's pg_stat_activity shows for us.
const applicationName = "dragonfly-sidecar"

// maxMessage bounds what a peer may announce; the answers to one login and
// SELECT 1 are a few hundred bytes.
const maxMessage = 1 << 20

// config builds pgconn's configuration from the judged DSN. pgconn insists on
// parsing one itself, so it is given a text in which every setting is named:
// nothing of the PG* variables, service files or .pgpass gets in (docs/facts.md#accepted-dsns).
// It reads the sslrootcert file at each probe, so a corrected file counts.
func (p *Prober) config() (*pgconn.Config, error) {
	if err := checkRoots(p.dsn.SSLRootCert); err != nil {
		return nil, err
	}
	if service, set := os.LookupEnv("PGSERVICE"); set { // the one variable that no setting overrides
		os.Unsetenv("PGSERVICE")
		defer os.Setenv("PGSERVICE", service)
	}
	config, err := pgconn.ParseConfig(fmt.Sprintf(`host=%s port=%d user=%s password=- dbname=%s sslmode=%s sslrootcert=%s`+
		` sslcert='' sslkey='' sslcertmode=disable sslsni=1 sslnegotiation=postgres passfile='' servicefile=''`+
		` connect_timeout=0 target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0`+
		` channel_binding=prefer require_auth=''`,
		quote(p.dsn.Host), p.dsn.Port, quote(p.dsn.User), quote(p.dsn.Database), p.dsn.SSLMode, quote(p.dsn.SSLRootCert)))
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
	if p.options.RootsPEM != "" && strings.HasPrefix(p.dsn.SSLMode, "verify-") && p.dsn.SSLRootCert == "" {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(p.options.RootsPEM))
		config.TLSConfig.RootCAs = roots
	}
	return config, nil
}

// checkRoots says what is wrong with an sslrootcert file, which pgconn's error
// does not. The name "system" stands for the system's own roots.
func checkRoots(file string) error {
	if file == "" || file == "system" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("sslrootcert: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return fmt.Errorf("sslrootcert: %s holds no certificate", file)
	}
	return nil
}

// quote writes a value for pgconn's keyword/value form.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}
