package serve

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
)

// TestWaiverEndsWhileRunning: warnings in the last week, then an error every
// hour; the verdict that was made at the start is not touched.
func TestWaiverEndsWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := time.Now().Add(8 * 24 * time.Hour)
		c := config.Config{Mode: "prod", Connection: config.DirectWaiver, WaiverEnds: ends.UTC().Format(time.RFC3339), WaiverWhy: "pooler broken"}
		db := database.New("postgresql://postgres:pw-of-app@db.iaketsyhmqbwaabgykux.supabase.co:5432/postgres?sslmode=require", c)
		if db.Target.Fault != "" {
			t.Fatalf("%+v", db.Report)
		}
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { watchWaiver(ctx, slog.New(slog.NewTextHandler(&log, nil)), db.Judge); close(done) }()
		time.Sleep(8*24*time.Hour + 90*time.Minute)
		synctest.Wait()
		if r := db.Judge(time.Now()); r.Valid() || r.Waiver.Status != "expired" {
			t.Errorf("%s, waiver %s", r.Code, r.Waiver.Status)
		}
		cancel()
		<-done
		if warnings := strings.Count(log.String(), "level=WARN"); warnings != 7 {
			t.Errorf("%d warnings in the last week", warnings)
		}
		if errors := strings.Count(log.String(), "level=ERROR"); errors != 2 {
			t.Errorf("%d errors in an hour and a half", errors)
		}
		if strings.Contains(log.String(), "pw-of-app") {
			t.Error("the log shows the password")
		}
		if database.New(db.Raw, c).Target.Fault != "waiver_expired" {
			t.Error("the next start is not refused")
		}
	})
}
