package extract

import (
	"math"

	"github.com/ledongthuc/pdf"
)

// font tells the text and the width of the codes in a string.
type font struct {
	wide    bool // two bytes a code
	unicode map[uint32]string
	encoder pdf.TextEncoding // where there is no map
	widths  map[uint32]float64
	usual   float64
}

func (p *pages) font(resources pdf.Value, name string) *font {
	v := resources.Key("Font").Key(name)
	key := name + " " + v.Key("BaseFont").Name() + " " + v.Key("ToUnicode").String()
	if len(key) < 500 {
		if f := p.fonts[key]; f != nil {
			return f
		}
	}
	f := &font{widths: map[uint32]float64{}, usual: 0.5}
	if m := v.Key("ToUnicode"); m.Kind() == pdf.Stream {
		f.unicode = readCMap(m)
	}
	lib := pdf.Font{V: v}
	f.encoder = lib.Encoder()
	switch v.Key("Subtype").Name() {
	case "Type0":
		f.wide = true
		down := v.Key("DescendantFonts").Index(0)
		f.usual = 1
		if dw := down.Key("DW"); !dw.IsNull() {
			f.usual = dw.Float64() / 1000
		}
		wideWidths(down.Key("W"), f.widths)
	default:
		unit := 0.001
		if m := v.Key("FontMatrix"); v.Key("Subtype").Name() == "Type3" && m.Len() == 6 {
			unit = math.Abs(m.Index(0).Float64())
		}
		first, list := v.Key("FirstChar").Int64(), v.Key("Widths")
		for i := range min(list.Len(), 256) {
			f.widths[uint32(first)+uint32(i)] = list.Index(i).Float64() * unit
		}
	}
	if len(p.fonts) < 1000 {
		p.fonts[key] = f
	}
	return f
}

// maxGlyphs bounds the tables of one font.
const maxGlyphs = 1 << 16

// wideWidths reads the W array of a CIDFont: c [w1 w2 …] or first last w.
func wideWidths(w pdf.Value, widths map[uint32]float64) {
	for i := 0; i+1 < w.Len() && len(widths) < maxGlyphs; {
		first := uint32(w.Index(i).Int64())
		if list := w.Index(i + 1); list.Kind() == pdf.Array {
			for j := range min(list.Len(), maxGlyphs) {
				widths[first+uint32(j)] = list.Index(j).Float64() / 1000
			}
			i += 2
			continue
		}
		last := uint32(w.Index(i + 1).Int64())
		for c := first; c <= last && c-first < maxGlyphs; c++ {
			widths[c] = w.Index(i+2).Float64() / 1000
		}
		i += 3
	}
}

func (f *font) next(raw string) (code uint32, n int) {
	if f.wide && len(raw) >= 2 {
		return uint32(raw[0])<<8 | uint32(raw[1]), 2
	}
	return uint32(raw[0]), 1
}

func (f *font) width(code uint32) float64 {
	if w, ok := f.widths[code]; ok {
		return w
	}
	return f.usual
}

func (f *font) text(raw string, code uint32) string {
	if f.unicode != nil {
		return f.unicode[code]
	}
	if f.wide {
		return "" // glyph numbers of the font: nobody knows their letters
	}
	return f.encoder.Decode(raw)
}
