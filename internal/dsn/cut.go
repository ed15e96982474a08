package dsn

import "strings"

// pattern is what a DSN should look like; hints end with it.
const pattern = "postgresql://USER.REF:PASSWORD@aws-0-REGION.pooler.supabase.com:6543/postgres?sslmode=require"

// cut takes the raw text apart at the last @, the one place where every mistake
// in a password can still be seen, and decodes none of it: the user, and all
// that follows the @. The password between them is passwordSpan's. Findings
// repeat nothing of the text.
func (r *reading) cut(raw string) (user, tail string, f *Finding) {
	if f := wrongStart(raw); f != nil {
		return "", "", f
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	if _, _, driver := strings.Cut(scheme, "+"); driver {
		r.translated = append(r.translated, "the driver's name in the scheme")
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return "", "", unreadable("The DSN has no user name: there is no @ in it.", "Write it as "+pattern)
	}
	userinfo, tail := rest[:at], rest[at+1:]
	user = userinfo
	plain := strings.TrimRight(user, "*") // what we print ourselves is read back, and never valid
	if end := colon.FindStringIndex(userinfo); end != nil {
		user, r.coloned = userinfo[:end[0]], userinfo[end[0]] != ':'
		plain = user
	}
	switch {
	case user == "":
		return "", "", unreadable("The user name is missing.", "Write it as "+pattern)
	case strings.ContainsAny(plain, templateSigns):
		return "", "", ofTemplate("user name")
	case !wellFormed(plain):
		return "", "", unreadable("The user name holds a character that has to be percent-encoded, or there is more than one @.",
			"In the user name and the password only the characters A-Z a-z 0-9 - . _ ~ stand as they are; an @ is written %40.")
	case lateAt(userinfo):
		return "", "", unreadable("There is an @ after the host, and programs disagree on which one ends the password.",
			"Write every @ but the one before the host as %40.")
	}
	return user, tail, nil
}

// lateAt reports whether what stands before the last @ already has an @ with a
// host of Supabase after it, so that the last one belongs to the path or the
// query and not to the password.
func lateAt(userinfo string) bool {
	_, after, _ := strings.Cut(userinfo, "@")
	end := strings.IndexAny(after, ":/?#")
	return end >= 0 && placeOf(plainHost(after[:end])) != (place{})
}

// passwordSpan finds the longest text that any reader could take for the
// password: from the colon that ends the user, encoded or not, to the last @. Not
// found means that nothing can be told apart, or that there is no password.
func passwordSpan(raw string) (start, end int, found bool) {
	scheme := strings.Index(raw, "://")
	if scheme < 0 || strings.ContainsAny(raw[:scheme], ":@") {
		return 0, 0, false
	}
	end = strings.LastIndexByte(raw, '@')
	rest := raw[scheme+3:]
	colon := colon.FindStringIndex(rest)
	if colon == nil || strings.ContainsAny(rest[:colon[0]], "/?#@") || end < scheme+3+colon[1] {
		return 0, 0, false
	}
	return scheme + 3 + colon[1], end, true
}
