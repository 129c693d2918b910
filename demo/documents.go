package demo

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"throughline/documents"
	"throughline/message"
	"throughline/store"
)

// paper is a document that a customer of the demo has.
type paper struct {
	address string // of the customer
	title   string
	kind    string // its type
	file    string
	lines   []string
	tags    []string
	note    string
	expires int      // days from now, 0 never
	second  []string // the lines of a second version
	changed string   // what is new in it
	shared  bool
}

var papers = []paper{
	{address: "margit.olsen@example.org", title: "Repair contract", kind: "contract", file: "repair-contract.pdf", tags: []string{"workshop"}, expires: 240,
		lines:  []string{"Repair contract", "Between Larkspur Cycles and Margit Olsen.", "Two inspections a year; spare parts at cost."},
		second: []string{"Repair contract, second version", "Between Larkspur Cycles and Margit Olsen.", "Three inspections a year; spare parts at cost; collected by us."}, changed: "with collection, as agreed by telephone"},
	{address: "margit.olsen@example.org", title: "Offer for a cargo bicycle", kind: "offer", file: "offer-cargo.docx", expires: 6, shared: true,
		lines: []string{"Offer", "One cargo bicycle with rain cover: 3,480 euros.", "Delivery within four weeks of the order."}},
	{address: "margit.olsen@example.org", title: "Invoice 2026-0417", kind: "invoice", file: "invoice-2026-0417.pdf",
		lines:  []string{"Invoice 2026-0417", "Brake set and work: 163.50 euros."},
		second: []string{"Invoice 2026-0417, corrected", "Brake set and work: 148.50 euros, paid."}, changed: "the hour that was not worked is taken off"},
	{address: "margit.olsen@example.org", title: "Measurements", kind: "other", file: "measurements.csv", lines: []string{"part,size", "frame,54 cm", "saddle,28 cm"}, note: "As measured in the shop."},
	{address: "narges.ahmadi@example.org", title: "قرارداد تعمیر دوچرخه", kind: "contract", file: "gharardad.csv", expires: 90, lines: []string{"قرارداد تعمیر", "میان لارکسپر و خانم نرگس احمدی", "سالی دو بار بازبینی، مبلغ ۱۲۵۰ یورو"}},
}

// soon tells that a paper expires within what the hub reminds of.
func (p *paper) soon() bool { return p.expires > 0 && p.expires <= documents.DefaultRemind }

// fileAway puts papers into the documents of customers, those who are there.
func (w *World) fileAway(ctx context.Context) error {
	if w.documents == nil {
		return nil
	}
	owners := map[string]uint64{}
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		for _, p := range papers {
			if h, ok := w.hub.Identity.Find(tx, message.NewHandle("mailto", p.address)); ok {
				owners[p.address] = h.Customer
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for i, p := range papers {
		owner := owners[p.address]
		if owner == 0 {
			continue
		}
		by := w.agents[i%len(w.agents)]
		if p.soon() {
			by = w.Visitor // who is reminded of it, then
		}
		if err := w.fileOne(ctx, by, documents.Place{Customer: owner}, p); err != nil {
			return fmt.Errorf("put %s into the documents: %w", p.file, err)
		}
	}
	return w.fileCompany(ctx, owners)
}

func (w *World) fileOne(ctx context.Context, agent uint64, of documents.Place, p paper) error {
	f, err := w.keep(ctx, p.file, p.lines)
	if err != nil {
		return err
	}
	d := documents.Draft{Owner: of.Customer, Company: of.Company, Title: p.title, Type: p.kind, Tags: p.tags, Note: p.note, File: f}
	if p.expires > 0 {
		d.Expires = time.Now().AddDate(0, 0, p.expires)
	}
	id, err := w.documents.Add(ctx, agent, d)
	if err != nil {
		return err
	}
	if p.second != nil {
		if f, err = w.keep(ctx, p.file, p.second); err != nil {
			return err
		}
		f.Note = p.changed
		if err := w.documents.AddVersion(ctx, agent, id, f); err != nil {
			return err
		}
	}
	if p.shared {
		_, _, err = w.documents.Share(ctx, agent, id, documents.NewLink{Expires: time.Now().AddDate(0, 0, 14), Note: p.address})
	}
	return err
}

// keep makes a file of lines.
func (w *World) keep(ctx context.Context, name string, lines []string) (documents.Upload, error) {
	data, kind := []byte(strings.Join(lines, "\n")), "text/csv"
	switch {
	case strings.HasSuffix(name, ".pdf"):
		data, kind = pdfOf(lines), "application/pdf"
	case strings.HasSuffix(name, ".docx"):
		kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
		var err error
		if data, err = docxOf(lines); err != nil {
			return documents.Upload{}, err
		}
	}
	ref, err := w.documents.Put(ctx, bytes.NewReader(data))
	return documents.Upload{Name: name, ContentType: kind, Ref: ref}, err
}

// pdfOf writes a page with lines in Helvetica, which every viewer has (ISO 32000-1,
// annex H.3).
func pdfOf(lines []string) []byte {
	var text strings.Builder
	text.WriteString("BT /F1 12 Tf 16 TL 72 770 Td")
	for _, l := range lines {
		fmt.Fprintf(&text, " (%s) Tj T*", strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(l))
	}
	text.WriteString(" ET")
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", text.Len(), text.String()),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}

// docxOf writes paragraphs as the smallest file that word processors open (ECMA-376,
// part 1).
func docxOf(lines []string) ([]byte, error) {
	var body strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&body, "<w:p><w:r><w:t>%s</w:t></w:r></w:p>", l)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	const head = `<?xml version="1.0" encoding="UTF-8"?>`
	for _, part := range [][2]string{
		{"[Content_Types].xml", head + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", head + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body.String() + `</w:body></w:document>`},
	} {
		f, err := z.Create(part[0])
		if err != nil {
			return nil, err
		}
		if _, err := f.Write([]byte(part[1])); err != nil {
			return nil, err
		}
	}
	err := z.Close() // it writes the list of the parts
	return b.Bytes(), err
}
