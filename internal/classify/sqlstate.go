package classify

// sqlstate is what a SQLSTATE, or with two characters its class, says.
type sqlstate struct {
	code string
	verdict
	textFirst bool // known words count more
	raised    bool // by somebody's function: its words are not the server's, and count nothing
}

// sqlstates are the codes that say something. 08P01 and XX000 are not among
// them: PgBouncer sends the one and Supavisor the other for nearly everything.
// Nor is 08004: the server refused, and does not say why.
var sqlstates = []sqlstate{
	{code: "28P01", verdict: authFailed},                 // invalid_password
	{code: "28", verdict: unknownWords, textFirst: true}, // many things but the password (docs/facts.md#sqlstate-class-28)

	{code: "3D000", verdict: noDatabase},     // no such database
	{code: "57P04", verdict: configRejected}, // database dropped
	{code: "42", verdict: configRejected},    // no privilege, unknown parameter, duplicate statement
	{code: "22023", verdict: configRejected}, // bad value of a parameter
	{code: "26000", verdict: configRejected}, // no such prepared statement
	{code: "0A", verdict: configRejected},    // protocol version, feature

	{code: "53300", verdict: saturated}, // too many connections

	{code: "53", verdict: unavailable},                     // disk full, out of memory
	{code: "57", verdict: unavailable},                     // shutting down, crashed, starting up
	{code: "58000", verdict: unavailable, textFirst: true}, // PgCat, PgDog and Odyssey send nearly all under it
	{code: "58", verdict: unavailable},                     // I/O error, missing file
	{code: "40", verdict: unavailable},                     // conflict with recovery
	{code: "25006", verdict: unavailable},                  // read-only: a standby answers for the primary
	{code: "55000", verdict: unavailable, textFirst: true}, // the database is closed, or invalid
	{code: "55006", verdict: unavailable},                  // object in use
	{code: "XX001", verdict: unavailable},                  // data corrupted
	{code: "XX002", verdict: unavailable},                  // index corrupted
	{code: "08001", verdict: unavailable, textFirst: true},
	{code: "08003", verdict: unavailable, textFirst: true},
	{code: "08006", verdict: unavailable, textFirst: true}, // Supavisor cannot reach the server, or waited for us

	{code: "57014", verdict: timedOut}, // statement or authentication timeout
	{code: "57P05", verdict: timedOut}, // idle session
	{code: "25P03", verdict: timedOut}, // idle in transaction
	{code: "25P04", verdict: timedOut}, // transaction timeout
	{code: "55P03", verdict: timedOut}, // lock timeout

	{code: "P0", verdict: unknownWords, raised: true},
}

// lookUpState finds a SQLSTATE, or else its class.
func lookUpState(code string) (sqlstate, bool) {
	if wellFormed(code) == "" {
		return sqlstate{}, false
	}
	for _, want := range []string{code, code[:2]} {
		for _, s := range sqlstates {
			if s.code == want {
				return s, true
			}
		}
	}
	return sqlstate{}, false
}

// wellFormed returns a SQLSTATE as it came, or nothing if it cannot be one: the
// peer may send any bytes.
func wellFormed(code string) string {
	if len(code) != 5 {
		return ""
	}
	for _, c := range []byte(code) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return code
}
