package api

import "time"

// LibraryDocument is a file that belongs to a customer, with all of its versions.
type LibraryDocument struct {
	ID         uint64            `json:"id"`
	Owner      uint64            `json:"owner,omitempty" doc:"The record it was put at; of a merged customer this may be either side. Absent for a company's."`
	Customer   *DocumentOwner    `json:"customer,omitempty" doc:"Whose it is now."`
	Company    *DocumentOwner    `json:"company,omitempty" doc:"Whose it is, if no customer's."`
	Title      string            `json:"title"`
	Type       string            `json:"type" doc:"Key of a type, empty for none."`
	Tags       []string          `json:"tags"`
	Note       string            `json:"note,omitempty"`
	Expires    string            `json:"expires,omitempty" doc:"The last day on which it holds, YYYY-MM-DD."`
	Remind     int               `json:"remind" doc:"Days before expires on which a reminder comes."`
	Reminded   bool              `json:"reminded,omitempty"`
	Expired    bool              `json:"expired,omitempty"`
	Restricted bool              `json:"restricted,omitempty" doc:"Only managers see it."`
	Versions   []DocumentVersion `json:"versions" doc:"Newest first; the first one is current."`
	Created    time.Time         `json:"created"`
	CreatedBy  uint64            `json:"created_by,omitempty" doc:"Agent; absent for the hub itself."`
	Changed    time.Time         `json:"changed"`
	ChangedBy  uint64            `json:"changed_by,omitempty"`
	Deleted    time.Time         `json:"deleted,omitzero" doc:"In the bin since."`
	DeletedBy  uint64            `json:"deleted_by,omitempty"`
	Snippet    []SnippetPart     `json:"snippet,omitempty" doc:"In a search: where the words stand in its text."`
}

// EntryDocument is the document that an entry of a timeline tells of.
type EntryDocument struct {
	ID    uint64 `json:"id"`
	Title string `json:"title"`
}

// DocumentOwner is whose a document is.
type DocumentOwner struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
}

// SnippetPart is a stretch of a text; what was looked for is marked.
type SnippetPart struct {
	Text string `json:"text"`
	Mark bool   `json:"mark,omitempty"`
}

// DocumentVersion is one state of a document's file.
type DocumentVersion struct {
	Number      int       `json:"number"`
	Name        string    `json:"name"`
	ContentType string    `json:"content_type"`
	Size        int64     `json:"size"`
	Time        time.Time `json:"time"`
	By          uint64    `json:"by,omitempty"`
	Message     uint64    `json:"message,omitempty" doc:"Whose attachment it was."`
	Restored    int       `json:"restored,omitempty" doc:"The version it brought back."`
	Note        string    `json:"note,omitempty"`
	URL         string    `json:"url" doc:"The file; inline=1 shows pictures, PDF and plain text in the browser."`

	Scan DocumentScan `json:"scan"`
	Text DocumentText `json:"text"`
}

// DocumentScan is what the virus scanner said of a file.
type DocumentScan struct {
	State  string `json:"state" enum:"none,waiting,unreachable,clean,infected" doc:"none: no scanner is set up. waiting: it will look. unreachable: it cannot be asked now, which is tried again."`
	Found  string `json:"found,omitempty" doc:"The name of the virus."`
	Reason string `json:"reason,omitempty"`
	Shut   bool   `json:"shut,omitempty" doc:"It cannot be opened, attached or sent now."`
}

// DocumentText is how far the text of a file can be searched.
type DocumentText struct {
	State  string `json:"state" enum:"waiting,done,none,failed" doc:"none: there is no text in files of this kind."`
	Reason string `json:"reason,omitempty" doc:"Why it failed."`
	Cut    bool   `json:"cut,omitempty" doc:"Only the beginning is searched."`
}

// Documents is a page of a list of documents.
type Documents struct {
	Documents []LibraryDocument `json:"documents"`
	Next      string            `json:"next,omitempty" doc:"Ask with cursor=this for more; absent at the end."`
	Seq       uint64            `json:"seq"`
}

// DocumentChange changes what is written about a document; absent fields stay.
type DocumentChange struct {
	Title   *string   `json:"title,omitempty" maxLength:"1000"`
	Type    *string   `json:"type,omitempty" maxLength:"40"`
	Tags    *[]string `json:"tags,omitempty" maxItems:"50" doc:"All tags from now on."`
	Note    *string   `json:"note,omitempty" maxLength:"10000"`
	Expires *string   `json:"expires,omitempty" maxLength:"10" doc:"YYYY-MM-DD, or empty for no expiry."`
	Remind  *int      `json:"remind,omitempty" doc:"Days before."`
}

// DocumentRequest puts an attachment into the documents.
type DocumentRequest struct {
	Message  uint64 `json:"message"`
	Blob     string `json:"blob" pattern:"^[0-9a-f]{64}$" doc:"Which of its attachments."`
	Customer uint64 `json:"customer,omitempty" doc:"Whose document it becomes; absent means whoever the message is with."`
	Company  uint64 `json:"company,omitempty" doc:"Whose document it becomes instead."`
	Document uint64 `json:"document,omitempty" doc:"Becomes a new version of this document instead."`
	Title    string `json:"title,omitempty" maxLength:"1000"`
	Type     string `json:"type,omitempty" maxLength:"40"`
}

// DocumentPlace is whose a document becomes: one of the two.
type DocumentPlace struct {
	Customer uint64 `json:"customer,omitempty"`
	Company  uint64 `json:"company,omitempty"`
}

// VersionNumber names a version of a document.
type VersionNumber struct {
	Version int `json:"version,omitempty" minimum:"0" doc:"0 is the current one."`
}

// DocumentRules are the types of documents and who may do what with them.
type DocumentRules struct {
	Types []DocumentType `json:"types" maxItems:"200"`
	Roles DocumentRoles  `json:"roles"`
	Bytes int64          `json:"bytes,omitempty" readOnly:"true" doc:"The largest file, in bytes."`
}

// DocumentType is a kind of document.
type DocumentType struct {
	Key      string `json:"key" maxLength:"40" doc:"a-z, 0-9 and -; stays when the name changes."`
	Name     string `json:"name,omitempty" maxLength:"200" doc:"Absent for the built-in ones, which screens name in their language."`
	Managers bool   `json:"managers,omitempty" doc:"Only managers see documents of this type."`
	Remind   int    `json:"remind,omitempty" doc:"Days before its expiry, 0 for the usual."`
}

// DocumentRoles is the least role that each act asks for.
type DocumentRoles struct {
	See    string `json:"see" enum:"agent,manager,admin"`
	Add    string `json:"add" enum:"agent,manager,admin"`
	Delete string `json:"delete" enum:"agent,manager,admin"`
	Share  string `json:"share" enum:"agent,manager,admin"`
}

// DocumentOpening is one time that somebody opened a document.
type DocumentOpening struct {
	Time    time.Time `json:"time"`
	How     string    `json:"how" enum:"preview,download,message,export,link,linkfile" doc:"export: saved with everything about its owner; link: an outsider looked at the page of a link; linkfile: and saved the file."`
	Version int       `json:"version"`
	Agent   uint64    `json:"agent,omitempty"`
	Link    uint64    `json:"link,omitempty"`
	Address string    `json:"address,omitempty"`
}

// DocumentOpenings is a page of who opened a document.
type DocumentOpenings struct {
	Openings []DocumentOpening `json:"openings"`
	Next     string            `json:"next,omitempty"`
}

// DocumentLink lets somebody outside open a document.
type DocumentLink struct {
	ID        uint64    `json:"id"`
	Version   int       `json:"version,omitempty" doc:"Absent: whichever is current."`
	By        uint64    `json:"by,omitempty"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Password  bool      `json:"password,omitempty"`
	Max       int       `json:"max,omitempty" doc:"Downloads; absent for any number."`
	Note      string    `json:"note,omitempty"`
	Revoked   time.Time `json:"revoked,omitzero"`
	Visits    int       `json:"visits"`
	Downloads int       `json:"downloads"`
	Last      time.Time `json:"last,omitzero" doc:"When it was used last."`
	Active    bool      `json:"active" doc:"It can still be used."`
}

// DocumentLinks are the links of a document, newest first.
type DocumentLinks struct {
	Links []DocumentLink `json:"links"`
}

// DocumentLinkRequest makes a link.
type DocumentLinkRequest struct {
	Version  int    `json:"version,omitempty" minimum:"0" doc:"0: whichever is current when it is opened."`
	Days     int    `json:"days" minimum:"1" maximum:"366" doc:"How long it holds."`
	Password string `json:"password,omitempty" maxLength:"1000" doc:"Asked for before the file is given out."`
	Max      int    `json:"max,omitempty" minimum:"0" maximum:"10000" doc:"Downloads, 0 for any number."`
	Note     string `json:"note,omitempty" maxLength:"1000" doc:"Whom it is for."`
}

// NewDocumentLink is a link with its address.
type NewDocumentLink struct {
	Link DocumentLink `json:"link"`
	Path string       `json:"path" doc:"Shown once: only a digest is kept."`
	URL  string       `json:"url,omitempty" doc:"The whole address, where the hub knows its own."`
}

// Reread tells how many files are read anew.
type Reread struct {
	Files int `json:"files"`
}
