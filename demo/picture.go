package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
)

// photoCount is how many different pictures there are.
const photoCount = 5

// photo draws a bicycle under some sky, since invented customers have no camera.
func photo(n int) []byte {
	const w, h = 320, 200
	skies := [photoCount]color.RGBA{{142, 196, 232, 255}, {244, 190, 140, 255}, {180, 200, 210, 255}, {120, 160, 220, 255}, {230, 210, 190, 255}}
	grounds := [photoCount]color.RGBA{{96, 140, 84, 255}, {120, 110, 100, 255}, {90, 96, 104, 255}, {200, 184, 140, 255}, {110, 130, 90, 255}}
	paints := [photoCount]color.RGBA{{30, 90, 60, 255}, {40, 70, 120, 255}, {160, 50, 40, 255}, {240, 232, 210, 255}, {20, 20, 24, 255}}
	// Few colours make a small file.
	palette := color.Palette{grounds[n], paints[n], color.RGBA{40, 40, 44, 255}}
	for i := range 16 {
		s := skies[n]
		palette = append(palette, color.RGBA{lighter(s.R, i), lighter(s.G, i), lighter(s.B, i), 255})
	}
	m := image.NewPaletted(image.Rect(0, 0, w, h), palette)
	horizon := 120 + 8*n
	for y := range h {
		for x := range w {
			if y > horizon {
				m.SetColorIndex(x, y, 0)
			} else {
				m.SetColorIndex(x, y, uint8(3+15*y/horizon))
			}
		}
	}
	line := func(x0, y0, x1, y1 float64, c uint8) {
		for i := range 400 {
			f := float64(i) / 400
			x, y := int(x0+(x1-x0)*f), int(y0+(y1-y0)*f)
			for d := range 9 {
				m.SetColorIndex(x+d%3, y+d/3, c)
			}
		}
	}
	const back, front, hub, r = 100, 220, 150, 36
	for _, cx := range [...]float64{back, front} {
		for a := 0.0; a < 2*math.Pi; a += math.Pi / 40 {
			line(cx+r*math.Cos(a), hub+r*math.Sin(a), cx+r*math.Cos(a+0.1), hub+r*math.Sin(a+0.1), 2)
		}
	}
	for _, l := range [...][4]float64{{back, hub, 128, 96}, {back, hub, 150, hub}, {150, hub, 128, 88}, {150, hub, 205, 100},
		{130, 98, 204, 98}, {front, hub, 200, 84}, {198, 84, 218, 76}, {118, 86, 140, 84}} {
		line(l[0], l[1], l[2], l[3], 1)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // into memory, of a sound picture: cannot fail
	}
	return b.Bytes()
}

func lighter(c uint8, i int) uint8 { return uint8(min(255, int(c)+i*3)) }

// document is a PDF file of one page with a few lines of text (ASCII).
func document(lines ...string) []byte {
	var page bytes.Buffer
	page.WriteString("BT /F1 20 Tf 60 760 Td 26 TL (Larkspur Cycles) Tj T* /F1 11 Tf 18 TL T*\n")
	for _, l := range lines {
		fmt.Fprintf(&page, "(%s) Tj T*\n", strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(l))
	}
	page.WriteString("ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", page.Len(), page.Bytes()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}
