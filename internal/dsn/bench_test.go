package dsn

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// BenchmarkJudge stands beside pgconn's parser on the same texts. The goal is
// at most 1.3 times its time.
func BenchmarkJudge(b *testing.B) {
	withoutPG(b)
	for _, c := range []struct{ name, dsn string }{
		{"shared", sharedProd},
		{"encoded", "postgresql://postgres.iaketsyhmqbwaabgykux:MyP%40ss%2Bword%21%2F123" + tail},
		{"dedicated", "postgresql://dragonfly_app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require"},
		{"refused", "postgresql://postgres:secret@aws-0-us-east-1.pooler.supabase.com:5432/postgres?pgbouncer=true"},
		{"unknown", "postgresql://postgres:pw@localhost:5432/postgres?sslmode=disable"},
	} {
		b.Run("by=dsn/text="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				judge(c.dsn, Prod)
			}
		})
		b.Run("by=pgconn/text="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pgconn.ParseConfig(c.dsn); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
