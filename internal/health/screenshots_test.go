package health

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestScreenshots writes every state to the folder SCREENSHOTS, for make screenshots.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	browser, now := startBrowser(t), time.Now()
	for _, s := range scenes(now) {
		if !slices.Contains([]string{"starting", "ready", "looking-again", "retrying", "lockout", "rejected", "misconfigured", "waiver", "follower"}, s.name) {
			continue // the tests see them all
		}
		server := httptest.NewServer(NewHandler(s.source(now)))
		t.Cleanup(server.Close)
		x := openTab(t, browser)
		for _, view := range []struct {
			name, scheme string
			width        int64
		}{{"light", "light", 960}, {"dark", "dark", 960}, {"phone", "light", 360}} {
			x.scheme(view.scheme)
			x.open(server.URL, view.width, 600)
			x.await(`document.readyState === "complete"`)
			picture, err := chromedp.Run(x.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, s.name+"-"+view.name+".png"), slim(t, picture), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// slim is a picture with its 256 most frequent colours, which is a third of the bytes.
func slim(t *testing.T, picture []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	uses := make(map[color.RGBA]int)
	area := full.Bounds()
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			uses[color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)]++
		}
	}
	var palette color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(uses), func(a, b color.RGBA) int { return cmp.Compare(uses[b], uses[a]) }) {
		if len(palette) < 256 {
			palette = append(palette, c)
		}
	}
	slimmed := image.NewPaletted(area, palette)
	draw.Draw(slimmed, area, full, area.Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, slimmed); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
