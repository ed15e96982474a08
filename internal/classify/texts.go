package classify

import "slices"

// phrase is one fixed text and what it means.
type phrase struct {
	text pattern
	verdict
	namesRole bool // the variable part is the role that was refused
}

// texts are the fixed words of every pooler and of PostgreSQL, one table and one
// file for each: a new pooler is one more. They are read where the SQLSTATE does
// not say it all or got lost on the way. The first row that fits decides, and a
// test shows that no row hides another.
var texts = slices.Concat(
	pgbouncerTexts, supavisorCodes, supavisorTexts, postgresTexts, translatedTexts,
	pgcatTexts, pgdogTexts, odysseyTexts, neonTexts, rdsproxyTexts, azureTexts,
)
