package people

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"time"
)

// manifest is the last file of an archive: what it holds, so that whoever gets it can
// tell that nothing is missing.
type manifest struct {
	Customer uint64         `json:"customer"`
	Written  time.Time      `json:"written"`
	Files    []manifestFile `json:"files"`
}

type manifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// archive is a ZIP file that counts what is written into it.
type archive struct {
	zip   *zip.Writer
	files []manifestFile
	sum   hash.Hash // of the file being written
}

func newArchive(w io.Writer) *archive { return &archive{zip: zip.NewWriter(w)} }

// create begins the next file; the one before is complete.
func (a *archive) create(name string, modified time.Time) (io.Writer, error) {
	a.finish()
	f, err := a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: modified})
	if err != nil {
		return nil, err
	}
	a.sum = sha256.New()
	a.files = append(a.files, manifestFile{Name: name})
	return &counted{f, a}, nil
}

func (a *archive) finish() {
	if a.sum != nil {
		a.files[len(a.files)-1].SHA256 = hex.EncodeToString(a.sum.Sum(nil))
		a.sum = nil
	}
}

type counted struct {
	io.Writer
	a *archive
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.a.sum.Write(p[:n])
	c.a.files[len(c.a.files)-1].Size += int64(n)
	return n, err
}

func (a *archive) json(name string, v any) error {
	f, err := a.create(name, time.Time{})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// close writes the manifest and ends the archive.
func (a *archive) close(customer uint64, now time.Time) error {
	a.finish()
	if err := a.json("manifest.json", manifest{customer, now, a.files}); err != nil {
		return err
	}
	return a.zip.Close()
}
