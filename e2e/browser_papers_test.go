package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"throughline/api"
)

// wordFile makes a DOCX with one paragraph.
func wordFile(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, part := range map[string]string{
		"[Content_Types].xml": `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
		"word/document.xml":   `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>` + text + `</w:t></w:r></w:p></w:body></w:document>`,
	} {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBrowserPapers is a document's story on the screen: an attachment put into the
// documents, versions, found by words of PDF and Word files, a company's, shared with
// somebody outside until that ends, and attached to an answer that arrives.
func TestBrowserPapers(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	f := openOffice(t, hubOptions{})
	mux := surroundings{http.NewServeMux()}
	offer := page("One cargo bicycle with a rain cover")
	// deliver brings a mail with a PDF.
	mux.handle("deliver", func(map[string]any) (any, error) {
		const edge = "edge-of-a-part"
		l := letter{subject: "The signed offer", id: fmt.Sprintf("papers-%d@example.org", time.Now().UnixNano()),
			head: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + edge + "\r\n",
			text: "--" + edge + "\nContent-Type: text/plain\n\nHere is the signed offer.\n--" + edge +
				"\nContent-Type: application/pdf; name=\"offer.pdf\"\nContent-Disposition: attachment; filename=\"offer.pdf\"\nContent-Transfer-Encoding: base64\n\n" +
				base64.StdEncoding.EncodeToString([]byte(offer)) + "\n--" + edge + "--"}
		return true, f.dovecot.Deliver(f.user, l.raw())
	})
	mux.handle("files", func(map[string]any) (any, error) {
		return map[string]string{
			"pdf":  base64.StdEncoding.EncodeToString([]byte(page("The second offer has a walnut saddle"))),
			"docx": base64.StdEncoding.EncodeToString(wordFile(t, "Delivery of the pomegranate basket")),
		}, nil
	})
	mux.handle("company", func(map[string]any) (any, error) {
		var c api.Company
		err := f.admin.call(http.MethodPost, "/api/companies", map[string]any{"name": "Whitby Books"}, &c)
		return c, err
	})
	// mail waits for the first mail at the SMTP server and tells of its files.
	mux.handle("mail", func(map[string]any) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		mails, err := f.smtp.Wait(ctx, 1)
		if err != nil {
			return nil, err
		}
		m := readMail(t, mails[0].Data)
		files := map[string]string{}
		for name, content := range m.files {
			files[name] = base64.StdEncoding.EncodeToString([]byte(content))
		}
		return map[string]any{"to": mails[0].To, "files": files}, nil
	})
	browse(t, node, chromium, "papers", f.hub, mux)
	f.check()
}
