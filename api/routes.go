package api

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/documents"
)

// route is one operation: where it is, who may use it, what it does. Everything
// the hub answers under /api is registered through add, so that this is the only
// place which decides roles.
type route struct {
	id      string // operation ID, for generated clients
	method  string
	path    string
	role    minRole
	group   string
	summary string

	status int           // of success; 0 leaves it to the output
	body   int64         // most bytes a request may carry, defaultBody if 0
	wait   time.Duration // most time a request may take to arrive, defaultWait if 0
	raw    string        // the media type of an answer that is not JSON
	upload bool          // the request's body is a file
	act    string        // of documents: its least role is in their rules, see mayAct
	doc    map[string]*huma.Response
}

// Limits of requests.
const (
	defaultBody = 256 << 10
	textBody    = 4 << 20 // drafts and replies
	defaultWait = 20 * time.Second
	uploadWait  = 10 * time.Minute
)

// Inputs and outputs that many operations share.
type (
	none struct{}
	idIn struct {
		ID uint64 `path:"id"`
	}
	nameIn struct {
		ID string `path:"id" maxLength:"200"`
	}
	in[T any] struct {
		Body T
	}
	idBody[T any] struct {
		ID   uint64 `path:"id"`
		Body T
	}
	nameBody[T any] struct {
		ID   string `path:"id" maxLength:"200"`
		Body T
	}
	out[T any] struct {
		Body T
	}
	spanIn struct {
		ID     uint64 `path:"id"`
		Before uint64 `query:"before" doc:"Entries older than this sequence number."`
		After  uint64 `query:"after" doc:"Entries newer than this sequence number; the oldest of them come first."`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
)

// Paging are the parameters of a list. (Embedded structs have to be exported for
// their fields to be seen.)
type Paging struct {
	Cursor string `query:"cursor" maxLength:"1000" doc:"From next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"25"`
}

func (s *Server) register() {
	s.sessionRoutes()
	s.inboxRoutes()
	s.messageRoutes()
	s.customerRoutes()
	s.cardRoutes()
	s.channelRoutes()
	s.noticeRoutes()
	s.documentRoutes()
	s.duplicateRoutes()
	s.phoneRoutes()
	s.preferenceRoutes()
	s.purposeRoutes()
	s.teamRoutes()
	s.boardRoutes()
}

func (s *Server) sessionRoutes() {
	const g = "Session and people"
	add(s, route{id: "getSetup", method: "GET", path: "/api/setup", role: public, group: g, summary: "Is the first-run setup still open?"}, s.getSetup)
	add(s, route{id: "setup", method: "POST", path: "/api/setup", role: public, group: g, summary: "Make the first administrator"}, s.setup)
	add(s, route{id: "login", method: "POST", path: "/api/session", role: public, group: g, summary: "Sign in with a password"}, s.login)
	add(s, route{id: "loginByLink", method: "POST", path: "/api/session/link", role: public, group: g, summary: "Sign in with a one-time link"}, s.loginByLink)
	add(s, route{id: "getSession", method: "GET", path: "/api/session", role: agent, group: g, summary: "Who is signed in?"}, s.getSession)
	add(s, route{id: "logout", method: "DELETE", path: "/api/session", role: agent, group: g, summary: "Sign out", status: 204}, s.logout)
	add(s, route{id: "listSessions", method: "GET", path: "/api/sessions", role: agent, group: g, summary: "One's own signed-in browsers"}, s.listSessions)
	add(s, route{id: "endSession", method: "DELETE", path: "/api/sessions/{id}", role: agent, group: g, summary: "Sign a browser out", status: 204}, s.endSession)
	add(s, route{id: "changeMe", method: "PATCH", path: "/api/me", role: agent, group: g, summary: "Change one's own name and settings"}, s.changeMe)
	add(s, route{id: "changePassword", method: "POST", path: "/api/me/password", role: agent, group: g, summary: "Change one's password; ends one's other sessions", status: 204}, s.changePassword)
	add(s, route{id: "listAgents", method: "GET", path: "/api/agents", role: agent, group: g, summary: "Everybody who works here"}, s.listAgents)
	add(s, route{id: "inviteAgent", method: "POST", path: "/api/agents", role: admin, group: g, summary: "Invite an agent"}, s.inviteAgent)
	add(s, route{id: "changeAgent", method: "PATCH", path: "/api/agents/{id}", role: admin, group: g, summary: "Change an agent's name or role, or disable them"}, s.changeAgent)
	add(s, route{id: "renewInvitation", method: "POST", path: "/api/agents/{id}/invitation", role: admin, group: g, summary: "A new link to set a password with"}, s.renewInvitation)
	add(s, route{id: "getInvitation", method: "GET", path: "/api/invitations/{token}", role: public, group: g, summary: "Whom an invitation is for"}, s.getInvitation)
	add(s, route{id: "acceptInvitation", method: "POST", path: "/api/invitations/{token}", role: public, group: g, summary: "Set a password and sign in"}, s.acceptInvitation)
	add(s, route{id: "listKeys", method: "GET", path: "/api/keys", role: agent, group: g, summary: "One's own API keys"}, s.listKeys)
	add(s, route{id: "createKey", method: "POST", path: "/api/keys", role: agent, group: g, summary: "Make an API key"}, s.createKey)
	add(s, route{id: "deleteKey", method: "DELETE", path: "/api/keys/{id}", role: agent, group: g, summary: "Revoke an API key", status: 204}, s.deleteKey)
	add(s, route{id: "listAudit", method: "GET", path: "/api/audit", role: admin, group: g, summary: "The security log, newest first"}, s.listAudit)
}

func (s *Server) inboxRoutes() {
	const g = "Inbox"
	add(s, route{id: "getCounts", method: "GET", path: "/api/counts", role: agent, group: g, summary: "The numbers beside the list names"}, s.getCounts)
	add(s, route{id: "listConversations", method: "GET", path: "/api/conversations", role: agent, group: g, summary: "A list of conversations"}, s.listConversations)
	add(s, route{id: "compose", method: "POST", path: "/api/conversations", role: agent, group: g, summary: "Write first", status: 201, body: textBody}, s.compose)
	add(s, route{id: "changeConversations", method: "POST", path: "/api/conversations/batch", role: agent, group: g, summary: "Change several conversations alike"}, s.changeConversations)
	add(s, route{id: "getConversation", method: "GET", path: "/api/conversations/{id}", role: agent, group: g, summary: "Open a conversation"}, s.getConversation)
	add(s, route{id: "changeConversation", method: "PATCH", path: "/api/conversations/{id}", role: agent, group: g, summary: "Change status, assignee, priority or tags"}, s.changeConversation)
	add(s, route{id: "getTimeline", method: "GET", path: "/api/conversations/{id}/timeline", role: agent, group: g, summary: "More of a conversation's timeline"}, s.getTimeline)
	add(s, route{id: "readConversation", method: "POST", path: "/api/conversations/{id}/read", role: agent, group: g, summary: "Remember up to where one has read", status: 204}, s.readConversation)
	add(s, route{id: "addNote", method: "POST", path: "/api/conversations/{id}/notes", role: agent, group: g, summary: "Add a private note", status: 201}, s.addNote)
	add(s, route{id: "getRecipients", method: "GET", path: "/api/conversations/{id}/recipients", role: agent, group: g, summary: "What a composer starts with"}, s.getRecipients)
	add(s, route{id: "reply", method: "POST", path: "/api/conversations/{id}/replies", role: agent, group: g, summary: "Answer", status: 201, body: textBody, doc: map[string]*huma.Response{
		"409": s.problemDoc("Somebody answered or the customer wrote after seen_seq: the reply was not sent.", reflect.TypeFor[Newer]()),
	}}, s.reply)
	add(s, route{id: "getDraft", method: "GET", path: "/api/conversations/{id}/draft", role: agent, group: g, summary: "One's draft here; conversation 0 is that of a new message"}, s.getDraft)
	add(s, route{id: "saveDraft", method: "PUT", path: "/api/conversations/{id}/draft", role: agent, group: g, summary: "Keep a draft", body: textBody}, s.saveDraft)
	add(s, route{id: "deleteDraft", method: "DELETE", path: "/api/conversations/{id}/draft", role: agent, group: g, summary: "Throw a draft away", status: 204}, s.deleteDraft)
	add(s, route{id: "moveMessage", method: "POST", path: "/api/conversations/{id}/move", role: agent, group: g, summary: "File one message in another conversation"}, s.moveMessage)
	add(s, route{id: "mergeConversation", method: "POST", path: "/api/conversations/{id}/merge", role: agent, group: g, summary: "Put this conversation into another"}, s.mergeConversation)
	add(s, route{id: "listMentions", method: "GET", path: "/api/conversations/{id}/mentions", role: agent, group: g, summary: "Who can be named in an answer, where the channel tells them"}, s.listMentions)
	add(s, route{id: "listWays", method: "GET", path: "/api/conversations/{id}/ways", role: agent, group: g, summary: "Over what an answer can go out: channels, accounts and the customer's handles"}, s.listWays)
	add(s, route{id: "listTags", method: "GET", path: "/api/tags", role: agent, group: g, summary: "Tags in use"}, s.listTags)
	add(s, route{id: "live", method: "GET", path: "/api/live", role: agent, group: g, summary: "The live stream: a websocket of LiveFrame and LiveRequest", status: 101, raw: "-"}, s.live)
}

func (s *Server) messageRoutes() {
	const g = "Messages and files"
	add(s, route{id: "getMessage", method: "GET", path: "/api/messages/{id}", role: agent, group: g, summary: "A message with all of its texts"}, s.getMessage)
	add(s, route{id: "getMessageHTML", method: "GET", path: "/api/messages/{id}/html", role: agent, group: g, summary: "The body as a document for a sandboxed frame", raw: "text/html"}, s.getMessageHTML)
	add(s, route{id: "getMessageRaw", method: "GET", path: "/api/messages/{id}/raw", role: agent, group: g, summary: "The item as it was delivered", raw: "text/plain"}, s.getMessageRaw)
	add(s, route{id: "undoMessage", method: "POST", path: "/api/messages/{id}/undo", role: agent, group: g, summary: "Take a message back before it goes out"}, s.undoMessage)
	add(s, route{id: "retryMessage", method: "POST", path: "/api/messages/{id}/retry", role: agent, group: g, summary: "Send a failed message again"}, s.retryMessage)
	add(s, route{id: "dismissMessage", method: "POST", path: "/api/messages/{id}/dismiss", role: agent, group: g, summary: "Note that a message failed"}, s.dismissMessage)
	add(s, route{id: "upload", method: "POST", path: "/api/uploads", role: agent, group: g, summary: "Upload a file for a message", status: 201, upload: true, wait: uploadWait}, s.upload)
	add(s, route{id: "getBlob", method: "GET", path: "/api/blobs/{sha256}/{name}", role: signed, group: g, summary: "A file", raw: "application/octet-stream"}, s.getBlob)
	add(s, route{id: "getImage", method: "GET", path: "/api/image", role: signed, group: g, summary: "A remote picture, fetched by the hub", raw: "image/*"}, s.getImage)
}

func (s *Server) customerRoutes() {
	const g = "Customers"
	add(s, route{id: "listCustomers", method: "GET", path: "/api/customers", role: agent, group: g, summary: "Find customers"}, s.listCustomers)
	add(s, route{id: "createCustomer", method: "POST", path: "/api/customers", role: agent, group: g, summary: "Make a customer by hand", status: 201}, s.createCustomer)
	add(s, route{id: "getCustomer", method: "GET", path: "/api/customers/{id}", role: agent, group: g, summary: "A customer, or who they were merged into"}, s.getCustomer)
	add(s, route{id: "getCustomerTimeline", method: "GET", path: "/api/customers/{id}/timeline", role: agent, group: g, summary: "Everything with this customer, over all channels"}, s.getCustomerTimeline)
	add(s, route{id: "listCustomerConversations", method: "GET", path: "/api/customers/{id}/conversations", role: agent, group: g, summary: "A customer's conversations, newest first"}, s.listCustomerConversations)
	add(s, route{id: "linkHandle", method: "POST", path: "/api/customers/{id}/handles", role: agent, group: g, summary: "Give a customer a handle"}, s.linkHandle)
	add(s, route{id: "unlinkHandle", method: "DELETE", path: "/api/customers/{id}/handles/{handle}", role: agent, group: g, summary: "Give a handle a customer of its own"}, s.unlinkHandle)
	add(s, route{id: "changeHandle", method: "PATCH", path: "/api/customers/{id}/handles/{handle}", role: agent, group: g, summary: "Say that a handle is shared by several people, or not"}, s.changeHandle)
	add(s, route{id: "setConsent", method: "PUT", path: "/api/customers/{id}/handles/{handle}/consent", role: manager, group: g, summary: "Record what somebody told about being written to"}, s.setConsent)
	add(s, route{id: "listCustomerWays", method: "GET", path: "/api/customers/{id}/ways", role: agent, group: g, summary: "Over what a customer can be written to"}, s.listCustomerWays)
	add(s, route{id: "mergeCustomer", method: "POST", path: "/api/customers/{id}/merge", role: agent, group: g, summary: "Merge another customer into this one"}, s.mergeCustomer)
	add(s, route{id: "unmergeCustomer", method: "POST", path: "/api/customers/{id}/unmerge", role: agent, group: g, summary: "Undo a merge"}, s.unmergeCustomer)
}

func (s *Server) documentRoutes() {
	const g = "Documents"
	const see, put, del = documents.ActSee, documents.ActAdd, documents.ActDelete
	add(s, route{id: "listDocuments", method: "GET", path: "/api/documents", role: agent, act: see, group: g, summary: "Find documents"}, s.listDocuments)
	add(s, route{id: "addDocument", method: "POST", path: "/api/documents", role: agent, act: put, group: g, summary: "Upload a document", status: 201, upload: true, wait: uploadWait}, s.addDocument)
	add(s, route{id: "fileDocument", method: "POST", path: "/api/documents/from-message", role: agent, act: put, group: g, summary: "Put an attachment into the documents of its customer", status: 201}, s.fileDocument)
	add(s, route{id: "getDocumentRules", method: "GET", path: "/api/documents/rules", role: agent, group: g, summary: "The types of documents and who may do what"}, s.getDocumentRules)
	add(s, route{id: "setDocumentRules", method: "PUT", path: "/api/documents/rules", role: admin, group: g, summary: "Change the types and who may do what"}, s.setDocumentRules)
	add(s, route{id: "getDocument", method: "GET", path: "/api/documents/{id}", role: agent, act: see, group: g, summary: "A document with its versions"}, s.getDocument)
	add(s, route{id: "changeDocument", method: "PATCH", path: "/api/documents/{id}", role: agent, act: put, group: g, summary: "Change what is written about a document"}, s.changeDocument)
	add(s, route{id: "moveDocument", method: "POST", path: "/api/documents/{id}/move", role: agent, act: put, group: g, summary: "Give a document to another customer or company"}, s.moveDocument)
	add(s, route{id: "deleteDocument", method: "DELETE", path: "/api/documents/{id}", role: agent, act: del, group: g, summary: "Put a document into the bin"}, s.deleteDocument)
	add(s, route{id: "undeleteDocument", method: "POST", path: "/api/documents/{id}/undelete", role: agent, act: del, group: g, summary: "Take a document out of the bin"}, s.undeleteDocument)
	add(s, route{id: "purgeDocument", method: "POST", path: "/api/documents/{id}/purge", role: manager, act: del, group: g, summary: "Delete for good what is in the bin", status: 204}, s.purgeDocument)
	add(s, route{id: "addDocumentVersion", method: "POST", path: "/api/documents/{id}/versions", role: agent, act: put, group: g, summary: "Upload a new version", upload: true, wait: uploadWait}, s.addDocumentVersion)
	add(s, route{id: "restoreDocumentVersion", method: "POST", path: "/api/documents/{id}/restore", role: agent, act: put, group: g, summary: "Make an earlier version current again"}, s.restoreDocumentVersion)
	add(s, route{id: "getDocumentFile", method: "GET", path: "/api/documents/{id}/file", role: agent, act: see, group: g, summary: "The file of a version", raw: "application/octet-stream"}, s.getDocumentFile)
	add(s, route{id: "attachDocument", method: "POST", path: "/api/documents/{id}/attach", role: agent, act: see, group: g, summary: "A version as an attachment for a message"}, s.attachDocument)
	add(s, route{id: "listDocumentLinks", method: "GET", path: "/api/documents/{id}/links", role: agent, act: see, group: g, summary: "Links to a document for people outside"}, s.listDocumentLinks)
	add(s, route{id: "shareDocument", method: "POST", path: "/api/documents/{id}/links", role: agent, act: documents.ActShare, group: g, summary: "Make a link for somebody outside", status: 201}, s.shareDocument)
	add(s, route{id: "revokeDocumentLink", method: "DELETE", path: "/api/documents/{id}/links/{link}", role: agent, act: documents.ActShare, group: g, summary: "Take a link back", status: 204}, s.revokeDocumentLink)
	add(s, route{id: "rereadDocuments", method: "POST", path: "/api/documents/reread", role: admin, group: g, summary: "Read the texts of all files anew"}, s.rereadDocuments)
	add(s, route{id: "listDocumentOpenings", method: "GET", path: "/api/documents/{id}/openings", role: manager, act: see, group: g, summary: "Who opened a document, newest first"}, s.listDocumentOpenings)
}

func (s *Server) channelRoutes() {
	const g = "Channel health"
	add(s, route{id: "listChannels", method: "GET", path: "/api/channels", role: agent, group: g, summary: "The kinds of account and their settings"}, s.listChannels)
	add(s, route{id: "listAccounts", method: "GET", path: "/api/accounts", role: agent, group: g, summary: "Accounts and how they are doing"}, s.listAccounts)
	add(s, route{id: "createAccount", method: "POST", path: "/api/accounts", role: admin, group: g, summary: "Add an account", status: 201}, s.createAccount)
	add(s, route{id: "changeAccount", method: "PATCH", path: "/api/accounts/{id}", role: admin, group: g, summary: "Change an account"}, s.changeAccount)
	add(s, route{id: "deleteAccount", method: "DELETE", path: "/api/accounts/{id}", role: admin, group: g, summary: "Remove an account; what it brought in stays", status: 204}, s.deleteAccount)
	add(s, route{id: "testAccount", method: "POST", path: "/api/accounts/test", role: admin, group: g, summary: "Try settings without keeping them"}, s.testAccount)
	add(s, route{id: "kickAccount", method: "POST", path: "/api/accounts/{id}/kick", role: agent, group: g, summary: "Try to connect now", status: 204}, s.kickAccount)
	add(s, route{id: "listTemplates", method: "GET", path: "/api/accounts/{id}/templates", role: agent, group: g, summary: "Texts that the account's provider has approved"}, s.listTemplates)
	add(s, route{id: "listHeld", method: "GET", path: "/api/held", role: agent, group: g, summary: "Items held back with a reason"}, s.listHeld)
	add(s, route{id: "getHeldRaw", method: "GET", path: "/api/held/{id}/raw", role: agent, group: g, summary: "A held item as it was delivered", raw: "text/plain"}, s.getHeldRaw)
	add(s, route{id: "retryHeld", method: "POST", path: "/api/held/{id}/retry", role: agent, group: g, summary: "Try to take a held item in again"}, s.retryHeld)
	add(s, route{id: "dropHeld", method: "DELETE", path: "/api/held/{id}", role: manager, group: g, summary: "Give a held item up", status: 204}, s.dropHeld)
	add(s, route{id: "startAudit", method: "POST", path: "/api/accounts/{id}/audit", role: manager, group: g, summary: "Compare the provider's items with the hub's"}, s.startAudit)
	add(s, route{id: "getAudit", method: "GET", path: "/api/accounts/{id}/audit", role: agent, group: g, summary: "The newest comparison"}, s.getAudit)
	add(s, route{id: "importMissing", method: "POST", path: "/api/accounts/{id}/audit/import", role: manager, group: g, summary: "Import what the comparison found missing"}, s.importMissing)
}

// add registers one operation. Errors of its handler become problems in one
// place.
func add[I, O any](s *Server, r route, fn func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Tags: []string{r.group},
		DefaultStatus: r.status, MaxBodyBytes: r.body, BodyReadTimeout: r.wait,
		Security:    []map[string][]string{{"session": {}}, {"key": {}}},
		Extensions:  map[string]any{"x-minimum-role": r.role.String()},
		Responses:   s.problems(r.doc),
		Middlewares: huma.Middlewares{s.guard(r)},
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = defaultBody
	}
	if op.BodyReadTimeout == 0 {
		op.BodyReadTimeout = defaultWait
	}
	if r.role == public {
		op.Security = []map[string][]string{}
	}
	if r.raw != "" {
		s.rawDoc(&op, r)
	}
	if r.upload {
		op.RequestBody = &huma.RequestBody{Required: true, Description: "The bytes of the file; Content-Type tells its type.", Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}}
	}
	s.routes = append(s.routes, r)
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		if !r.upload {
			who(ctx).arrived()
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// problems adds to the answers of an operation what its errors look like.
func (s *Server) problems(doc map[string]*huma.Response) map[string]*huma.Response {
	all := map[string]*huma.Response{"default": s.problemDoc("Error", reflect.TypeFor[Problem]())}
	maps.Copy(all, doc)
	return all
}

// rawDoc describes an answer that is not JSON.
func (s *Server) rawDoc(op *huma.Operation, r route) {
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	op.DefaultStatus = status
	resp := &huma.Response{Description: http.StatusText(status)}
	if r.raw != "-" {
		resp.Content = map[string]*huma.MediaType{r.raw: {Schema: &huma.Schema{Type: "string"}}}
	}
	op.Responses[itoa(status)] = resp
}

// problemDoc describes an error that carries more than the common problem.
func (s *Server) problemDoc(text string, t reflect.Type) *huma.Response {
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: s.huma.OpenAPI().Components.Schemas.Schema(t, true, "")},
	}}
}

func newHuma(mux *http.ServeMux, version string) huma.API {
	c := huma.DefaultConfig("Throughline", version)
	// No schema links in the answers, and the document is served from bytes
	// made once.
	c.CreateHooks = nil
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.Formats = map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()}
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{adviseOnValidation}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "Requests other than GET also carry the session's csrf in X-CSRF-Token."},
		"key":     {Type: "http", Scheme: "bearer", Description: "An API key, tl_…; acts as the agent who made it."},
	}
	c.Info.Description = "Everything the screen does goes through these operations; there is no private door. " +
		"Times are RFC 3339 in UTC. Lists are paged by key: pass next of one page as cursor of the following one. " +
		"Errors are problems (RFC 9457) whose detail says what to do."
	return humago.New(mux, c)
}
