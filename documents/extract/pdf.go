package extract

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ledongthuc/pdf"
)

// Limits of one PDF.
const (
	maxOperators = 20_000_000 // of all pages
	maxForms     = 6          // forms within forms
	maxSaved     = 200        // graphics states that are saved at once
	maxAtoms     = 1_000_000  // glyphs of a page
)

// readPDF reads the pages of a PDF (ISO 32000-1). The library knows the structure
// of the file; the text operators are followed here, since it takes no notice of
// /ActualText and puts what is written from right to left in the wrong order.
func readPDF(ctx context.Context, f File, w *writer) error {
	r, err := pdf.NewReader(f.ReaderAt, f.Size)
	if err != nil {
		if errors.Is(err, pdf.ErrInvalidPassword) {
			return errors.New("the file asks for a password")
		}
		return fmt.Errorf("the file is damaged: %s", shorten(err.Error()))
	}
	p := &pages{ctx: ctx, w: w, fonts: map[string]*font{}}
	var failed error
	read := 0
	for n := 1; n <= min(r.NumPage(), MaxPages); n++ {
		err := p.read(r.Page(n))
		switch {
		case errors.Is(err, errEnough) || ctx.Err() != nil || errors.Is(err, errOperators):
			return err
		case err != nil:
			failed = err // one bad page does not take the others with it
		default:
			read++
		}
		w.line()
		w.line()
	}
	if read == 0 && failed != nil {
		return failed
	}
	if r.NumPage() > MaxPages {
		w.cut = true
	}
	return nil
}

var errOperators = errors.New("the pages are too complicated")

// pages goes through the content of pages.
type pages struct {
	ctx       context.Context
	w         *writer
	operators int
	fonts     map[string]*font // by where they are defined
	atoms     []atom           // of the page
}

// atom is a glyph, or several that stand for one text.
type atom struct {
	x, y, end float64 // its place on the page; end is where the next one would begin
	size      float64
	text      string
}

func (p *pages) read(page pdf.Page) (err error) {
	p.atoms = p.atoms[:0]
	defer func() {
		if v := recover(); v != nil {
			if e, ok := v.(error); ok && (errors.Is(e, errOperators) || errors.Is(e, context.Canceled) || errors.Is(e, context.DeadlineExceeded)) {
				err = e
				return
			}
			err = fmt.Errorf("a page is damaged: %s", shorten(fmt.Sprint(v)))
		}
		if werr := p.write(); err == nil || errors.Is(werr, errEnough) {
			err = werr
		}
	}()
	if page.V.IsNull() || page.V.Key("Contents").IsNull() {
		return nil
	}
	p.stream(page.V.Key("Contents"), page.Resources(), identity(), 0)
	return nil
}

// matrix maps points as a PDF does: [a b c d e f].
type matrix [6]float64

func identity() matrix { return matrix{1, 0, 0, 1, 0, 0} }

// mul is the map of m followed by that of n.
func (m matrix) mul(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// state is what operators of one content stream change.
type state struct {
	ctm, tm, line        matrix
	font                 *font
	size, lead, scale    float64
	charSpace, wordSpace float64
}

// span is a marked part of the content; what its ActualText says is shown instead
// of its glyphs.
type span struct {
	actual *string
	first  int // its glyphs begin here
}

// stream follows the operators of one content stream.
func (p *pages) stream(content, resources pdf.Value, ctm matrix, depth int) {
	s := state{ctm: ctm, tm: identity(), line: identity(), scale: 1}
	var saved []state
	var spans []span
	pdf.Interpret(content, func(stk *pdf.Stack, op string) {
		if p.operators++; p.operators > maxOperators {
			panic(errOperators)
		}
		if p.operators%1000 == 0 && p.ctx.Err() != nil {
			panic(p.ctx.Err())
		}
		args := make([]pdf.Value, stk.Len())
		for i := len(args) - 1; i >= 0; i-- {
			args[i] = stk.Pop()
		}
		number := func(i int) float64 {
			if i >= len(args) {
				return 0
			}
			return args[i].Float64()
		}
		six := func() matrix {
			return matrix{number(0), number(1), number(2), number(3), number(4), number(5)}
		}
		next := func(x, y float64) {
			s.line = matrix{1, 0, 0, 1, x, y}.mul(s.line)
			s.tm = s.line
		}
		switch op {
		case "q":
			if len(saved) < maxSaved {
				saved = append(saved, s)
			}
		case "Q":
			if n := len(saved); n > 0 {
				tm, line := s.tm, s.line
				s, saved = saved[n-1], saved[:n-1]
				s.tm, s.line = tm, line
			}
		case "cm":
			s.ctm = six().mul(s.ctm)
		case "BT":
			s.tm, s.line = identity(), identity()
		case "Tf":
			if len(args) > 0 {
				s.font = p.font(resources, args[0].Name())
			}
			s.size = number(1)
		case "Tc":
			s.charSpace = number(0)
		case "Tw":
			s.wordSpace = number(0)
		case "Tz":
			s.scale = number(0) / 100
		case "TL":
			s.lead = number(0)
		case "Td":
			next(number(0), number(1))
		case "TD":
			s.lead = -number(1)
			next(number(0), number(1))
		case "Tm":
			s.tm = six()
			s.line = s.tm
		case "T*":
			next(0, -s.lead)
		case "Tj":
			if len(args) > 0 {
				p.show(&s, args[0].RawString())
			}
		case "'":
			next(0, -s.lead)
			if len(args) > 0 {
				p.show(&s, args[0].RawString())
			}
		case "\"":
			s.wordSpace, s.charSpace = number(0), number(1)
			next(0, -s.lead)
			if len(args) > 2 {
				p.show(&s, args[2].RawString())
			}
		case "TJ":
			if len(args) == 0 {
				break
			}
			for i := range args[0].Len() {
				if v := args[0].Index(i); v.Kind() == pdf.String {
					p.show(&s, v.RawString())
				} else {
					s.advance(-v.Float64() / 1000 * s.size * s.scale)
				}
			}
		case "BMC":
			spans = append(spans, span{first: len(p.atoms)})
		case "BDC":
			spans = append(spans, span{first: len(p.atoms), actual: actualText(args, resources)})
		case "EMC":
			if n := len(spans); n > 0 {
				p.close(spans[n-1], &s)
				spans = spans[:n-1]
			}
		case "Do":
			if len(args) > 0 && depth < maxForms {
				form := resources.Key("XObject").Key(args[0].Name())
				if form.Key("Subtype").Name() != "Form" {
					break
				}
				m := identity()
				if v := form.Key("Matrix"); v.Len() == 6 {
					for i := range m {
						m[i] = v.Index(i).Float64()
					}
				}
				own := form.Key("Resources")
				if own.IsNull() {
					own = resources
				}
				p.stream(form, own, m.mul(s.ctm), depth+1)
			}
		}
	})
}

// actualText is what a marked part says that it stands for.
func actualText(args []pdf.Value, resources pdf.Value) *string {
	if len(args) < 2 {
		return nil
	}
	d := args[1]
	if d.Kind() == pdf.Name {
		d = resources.Key("Properties").Key(d.Name())
	}
	v := d.Key("ActualText")
	if v.Kind() != pdf.String {
		return nil
	}
	text := v.Text()
	return &text
}

// close puts the text that a marked part stands for in the place of its glyphs.
func (p *pages) close(sp span, s *state) {
	if sp.actual == nil || sp.first > len(p.atoms) {
		return
	}
	place := p.atoms[sp.first:]
	if len(place) == 0 {
		return
	}
	a := place[0]
	for _, g := range place {
		a.x, a.end = min(a.x, g.x), max(a.end, g.end)
	}
	a.text = *sp.actual
	p.atoms = append(p.atoms[:sp.first], a)
}

// advance moves on along the line.
func (s *state) advance(dx float64) { s.tm = matrix{1, 0, 0, 1, dx, 0}.mul(s.tm) }

// show sets the glyphs of a string.
func (p *pages) show(s *state, raw string) {
	if s.font == nil {
		return
	}
	for len(raw) > 0 {
		code, n := s.font.next(raw)
		text := s.font.text(raw[:n], code)
		raw = raw[n:]
		at := s.tm.mul(s.ctm)
		dx := s.font.width(code)*s.size + s.charSpace
		if n == 1 && code == ' ' {
			dx += s.wordSpace
		}
		s.advance(dx * s.scale)
		to := s.tm.mul(s.ctm)
		// Along the line and across it, whichever way the line runs.
		ux, uy := at[0], at[1]
		if n := math.Hypot(ux, uy); n > 0 {
			ux, uy = ux/n, uy/n
		}
		a := atom{
			x: at[4]*ux + at[5]*uy, y: at[5]*ux - at[4]*uy, end: to[4]*ux + to[5]*uy,
			size: math.Abs(s.size) * math.Hypot(at[2], at[3]), text: text,
		}
		if sum := a.x + a.y + a.end + a.size; math.IsNaN(sum) || math.IsInf(sum, 0) {
			continue
		}
		if len(p.atoms) == maxAtoms {
			panic(errOperators)
		}
		p.atoms = append(p.atoms, a)
	}
}
