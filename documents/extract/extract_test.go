package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/peertest"

	"go.uber.org/goleak"
	"golang.org/x/text/encoding/charmap"
)

// TestMain is the child too, when Child starts this program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		if err := Main(context.Background(), os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "hungry" {
		go watchMemory(context.Background())
		var all [][]byte
		for {
			all = append(all, bytes.Repeat([]byte{1}, 16<<20))
			_ = all
		}
	}
	if len(os.Args) > 1 && os.Args[1] == "stuck" {
		time.Sleep(time.Hour)
	}
	goleak.VerifyTestMain(m)
}

func file(name, kind string, data []byte) File {
	return File{Name: name, ContentType: kind, Size: int64(len(data)), ReaderAt: bytes.NewReader(data)}
}

// archive makes a ZIP file of names and contents in turn.
func archive(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err == nil {
			_, err = w.Write([]byte(parts[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pdfFile makes a PDF whose objects begin with the catalogue (1), the pages (2), one
// page (3) and its content (4).
func pdfFile(content string, more ...string) []byte {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	objects := append([]string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>/XObject<</X1 7 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(content), content),
	}, more...)
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
	return []byte(b.String())
}

const (
	helvetica = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
	wideFont  = "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/DW 500/W[1[400 600] 5 9 250]>>]/ToUnicode 8 0 R>>"
)

func cmapStream(body string) string {
	s := "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n" + body + "\nendcmap end end"
	return fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(s), s)
}

func form(content string) string {
	return fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Length %d>>stream\n%s\nendstream", len(content), content)
}

func TestFromFile(t *testing.T) {
	persian := cmapStream("6 beginbfchar <0001> <0633> <0002> <0644> <0003> <0627> <0004> <0645> <0005> <0020> <0006> <FEFB> endbfchar 1 beginbfrange <0010> <0019> <06F0> endbfrange 1 beginbfrange <0020> <0021> [<0E01> <0E02>] endbfrange")
	latin, err := charmap.Windows1252.NewEncoder().String("naïve café – 5 €")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		f    File
		want string
	}{
		{"plain", file("a.txt", "text/plain", []byte("\ufeffone\r\n\r\n\r\n\r\n two \t three\x00")), ErrNoText.Error()},
		{"plain", file("a.txt", "text/plain", []byte("\ufeffone\r\n\r\n\r\n\r\n two \t three\n")), "one\n\ntwo three"},
		{"by its name", file("a.csv", "application/octet-stream", []byte("a,b\n1,2")), "a,b\n1,2"},
		{"another charset", file("a.txt", "text/plain; charset=windows-1252", []byte(latin)), "naïve café – 5 €"},
		{"utf-16", file("a.txt", "text/plain", []byte("\xff\xfeh\x00i\x00")), "hi"},
		{"no text", file("a.png", "image/png", []byte("\x89PNG\r\n\x00")), ErrNoText.Error()},
		{"an archive of other things", file("a.zip", "application/zip", archive(t, "x", "y")), ErrNoText.Error()},
		{"html", file("a.html", "text/html", []byte("<title>T</title><script>no()</script><style>p{}</style><p>One <b>two</b>&amp;<br>three<table><tr><td>a<td>b</table>")), "T\n\nOne two&\nthree\n\na b"},
		{"docx", file("a.docx", "", archive(t, "[Content_Types].xml", "<x/>", "word/document.xml",
			`<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Lease </w:t></w:r><w:r><w:t>agreement</w:t><w:instrText>PAGE</w:instrText></w:r></w:p><w:p><w:r><w:t>قرارداد</w:t><w:tab/><w:t>سلام</w:t></w:r></w:p></w:body></w:document>`,
			"word/footer1.xml", `<w:ftr xmlns:w="w"><w:p><w:r><w:t>page one</w:t></w:r></w:p></w:ftr>`)), "Lease agreement\nقرارداد سلام\n\npage one"},
		{"odt", file("a.odt", "", archive(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml",
			`<o xmlns:text="t" xmlns:office="o"><office:automatic-styles><x>no</x></office:automatic-styles><office:text><text:h>Title</text:h><text:p>สัญญา<text:s/>เช่า</text:p></office:text></o>`)), "Title\nสัญญา เช่า"},
		{"pdf", file("a.pdf", "", pdfFile("BT /F1 12 Tf 50 700 Td (Lease) Tj 60 0 Td (agreement) Tj 0 -20 Td [(kern) -50 (ed) -400 (apart)] TJ ET", helvetica)), "Lease agreement\nkerned apart"},
		{"pdf, each word placed by itself", file("a.pdf", "", pdfFile("BT /F1 10 Tf 1 0 0 1 300 700 Tm (last) Tj 1 0 0 1 50 700 Tm (first) Tj ET", helvetica)), "first last"},
		{"pdf, text that stands for glyphs", file("a.pdf", "", pdfFile("BT /F1 10 Tf 50 700 Td /Span <</ActualText <FEFF0E200E390E27>>> BDC (xyz) Tj EMC ( ok) Tj ET", helvetica)), "ภูว ok"},
		// The glyphs stand from left to right: the end of the sentence first.
		{"pdf from the right", file("a.pdf", "", pdfFile("BT /F2 10 Tf 50 700 Td <00120011> Tj <0005> Tj <0004000300020001> Tj ET", helvetica, wideFont, form(""), persian)), "سلام ۲۱"},
		{"pdf with a ligature", file("a.pdf", "", pdfFile("BT /F2 10 Tf 50 700 Td <000400060001> Tj ET", helvetica, wideFont, form(""), persian)), "سلام"},
		{"pdf with a range of texts", file("a.pdf", "", pdfFile("BT /F2 10 Tf 50 700 Td <00200021> Tj ET", helvetica, wideFont, form(""), persian)), "กข"},
		{"pdf, words of two directions", file("a.pdf", "", pdfFile("BT /F1 10 Tf 50 700 Td (see the word ) Tj /F2 10 Tf <0004000300020001> Tj /F1 10 Tf ( here) Tj ET", helvetica, wideFont, form(""), persian)), "see the word سلام here"},
		{"pdf with a form", file("a.pdf", "", pdfFile("/X1 Do", helvetica, wideFont, form("BT /F1 10 Tf 50 700 Td (inside) Tj ET"))), "inside"},
		{"pdf, a form in itself", file("a.pdf", "", pdfFile("/X1 Do", helvetica, wideFont, "<</Type/XObject/Subtype/Form/Resources<</XObject<</X1 7 0 R>>/Font<</F1 5 0 R>>>>/Length 42>>stream\n/X1 Do BT /F1 10 Tf 50 700 Td (deep) Tj ET \nendstream")), "ddddddeeeeeeeeeeeepppppp"},
		{"no pdf", file("a.pdf", "", []byte("%PDF-1.7 and nothing else")), "the file is damaged"},
		{"half an archive", file("a.docx", "", []byte("PK\x03\x04 and nothing else")), "the archive is damaged"},
		{"damaged xml", file("a.docx", "", archive(t, "word/document.xml", "<a><b attr=</a>")), "the document is damaged"},
	} {
		got, err := FromFile(t.Context(), c.f)
		text := got.Text
		if err != nil {
			text = err.Error()
		}
		if text != c.want && !(err != nil && strings.HasPrefix(text, c.want)) {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	bomb := archive(t, "word/document.xml", "<!--"+strings.Repeat(" ", MaxUnpacked)+"--><w:t>x</w:t>")
	if len(bomb) > 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	for _, c := range []struct {
		name, want string
		f          File
	}{
		{"an archive that unpacks to too much", "unpacks to more than 16 MiB", file("a.docx", "", bomb)},
		{"elements within elements", "nested too deep", file("a.docx", "", archive(t, "word/document.xml", strings.Repeat("<a>", maxDepth+1)))},
		{"an entity of its own", "damaged", file("a.odt", "", archive(t, "mimetype", "", "content.xml", `<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;`+"\x00"))},
	} {
		if _, err := FromFile(t.Context(), c.f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	long, err := FromFile(t.Context(), file("a.txt", "text/plain", bytes.Repeat([]byte("word "), MaxText/4)))
	if err != nil || !long.Cut || len(long.Text) > MaxText || len(long.Text) < MaxText-10 {
		t.Errorf("a long text: %d bytes, cut %t, %v", len(long.Text), long.Cut, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FromFile(gone, file("a.txt", "text/plain", []byte("text"))); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestChild(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("hello from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(name string) File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return File{Name: name, Size: 17, ReaderAt: f}
	}
	if got, err := Child(self, "child")(t.Context(), open("a.txt")); err != nil || got.Text != "hello from a file" {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := Child(self, "child")(t.Context(), open("a.bin")); !errors.Is(err, ErrNoText) {
		t.Errorf("a file without text: %v", err)
	}
	if _, err := Child(self, "hungry")(t.Context(), open("a.txt")); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a hungry child: %v", err)
	}
	if _, err := Child(filepath.Join(t.TempDir(), "nothing"))(t.Context(), open("a.txt")); err == nil {
		t.Error("a program that is not there")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Child(self, "stuck")(ctx, open("a.txt")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a child that hangs: %v", err)
	}
}

// A real producer's file, where one is installed.
func TestChromiumPDF(t *testing.T) {
	const chromium = "/usr/bin/chromium"
	if _, err := os.Stat(chromium); err != nil {
		peertest.Missing(t, "Chromium is not installed: no PDF of a real producer is made")
	}
	dir := t.TempDir()
	page := `<html dir=rtl><meta charset=utf-8><p>این قرارداد میان آقای احمد نمونه بسته می‌شود. مبلغ ۱۲۵۰ یورو است.</p><p dir=ltr>Efficient office, from 1 March 2026.</p></html>`
	if err := os.WriteFile(filepath.Join(dir, "a.html"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--user-data-dir="+dir+"/profile", "--print-to-pdf="+dir+"/a.pdf", "file://"+dir+"/a.html")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "a.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := FromFile(t.Context(), file("a.pdf", "application/pdf", data))
	if want := "این قرارداد میان آقای احمد نمونه بسته می‌شود. مبلغ ۱۲۵۰ یورو است.\nEfficient office, from 1 March 2026."; err != nil || got.Text != want {
		t.Errorf("%q %v", got.Text, err)
	}
}

func FuzzFromFile(f *testing.F) {
	f.Add("a.pdf", pdfFile("BT /F1 12 Tf 50 700 Td (Lease) Tj ET", helvetica))
	f.Add("a.pdf", pdfFile("BT /F2 10 Tf <00120011> Tj ET", helvetica, wideFont, form(""), cmapStream("1 beginbfrange <0010> <0019> <06F0> endbfrange")))
	f.Add("a.docx", archive(f, "word/document.xml", "<w:p><w:t>x</w:t></w:p>"))
	f.Add("a.odt", archive(f, "mimetype", "", "content.xml", "<p>x</p>"))
	f.Add("a.html", []byte("<p>x<script>"))
	f.Add("a.txt", []byte("\xff\xfeh\x00"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		// Numbers of many digits make the PDF library reserve as much as they say: that
		// is what the child's limit of memory is for.
		if bytes.Contains(data, []byte("%PDF")) && hugeNumber(data) {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		got, err := FromFile(ctx, file(name, "", data))
		if err == nil && len(got.Text) > MaxText+4 {
			t.Errorf("%d bytes of text", len(got.Text))
		}
	})
}

func hugeNumber(data []byte) bool {
	digits := 0
	for _, c := range data {
		if c < '0' || c > '9' {
			digits = 0
		} else if digits++; digits > 6 {
			return true
		}
	}
	return false
}

func FuzzCMap(f *testing.F) {
	f.Add("1 beginbfchar <01> <0041> endbfchar 1 beginbfrange <0002> <0003> [<0042> <0043>] <05> <06> <0044> endbfrange")
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for tok := range cmapTokens(s) {
			if n++; tok == "" || n > len(s) {
				t.Fatalf("token %d of %d bytes is %q", n, len(s), tok)
			}
			cmapText(tok, 1)
		}
		bfRanges(strings.Fields(s), map[uint32]string{})
	})
}
