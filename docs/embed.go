// Package docs holds the pages that the binary shows.
package docs

import _ "embed"

// Runbook is the text of runbook.md.
//
//go:embed runbook.md
var Runbook string
