package api

import (
	"context"
	"errors"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

var errStub = errors.New("not there yet")

func itoa(n int) string { return strconv.Itoa(n) }

type sessionOut struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Session
}
type noneOut struct {
	SetCookie string `header:"Set-Cookie"`
}
type tokenIn struct {
	Token string `path:"token" maxLength:"200"`
}
type tokenBody struct {
	Token string `path:"token" maxLength:"200"`
	Body  InvitationAnswer
}

func (s *Server) getSetup(ctx context.Context, _ *none) (*out[SetupState], error) {
	return nil, errStub
}
func (s *Server) setup(ctx context.Context, i *in[SetupRequest]) (*sessionOut, error) {
	return nil, errStub
}
func (s *Server) login(ctx context.Context, i *in[LoginRequest]) (*sessionOut, error) {
	return nil, errStub
}
func (s *Server) loginByLink(ctx context.Context, i *in[TokenRequest]) (*sessionOut, error) {
	return nil, errStub
}
func (s *Server) getSession(ctx context.Context, _ *none) (*out[Session], error) { return nil, errStub }
func (s *Server) logout(ctx context.Context, _ *none) (*noneOut, error)          { return nil, errStub }
func (s *Server) listSessions(ctx context.Context, _ *none) (*out[LoginSessions], error) {
	return nil, errStub
}
func (s *Server) endSession(ctx context.Context, i *nameIn) (*none, error) { return nil, errStub }
func (s *Server) changeMe(ctx context.Context, i *in[MeChange]) (*out[Session], error) {
	return nil, errStub
}
func (s *Server) changePassword(ctx context.Context, i *in[PasswordChange]) (*none, error) {
	return nil, errStub
}
func (s *Server) listAgents(ctx context.Context, _ *none) (*out[Agents], error) { return nil, errStub }
func (s *Server) inviteAgent(ctx context.Context, i *in[AgentRequest]) (*out[InvitedAgent], error) {
	return nil, errStub
}
func (s *Server) changeAgent(ctx context.Context, i *idBody[AgentChange]) (*out[Agent], error) {
	return nil, errStub
}
func (s *Server) renewInvitation(ctx context.Context, i *idIn) (*out[Invitation], error) {
	return nil, errStub
}
func (s *Server) getInvitation(ctx context.Context, i *tokenIn) (*out[Invited], error) {
	return nil, errStub
}
func (s *Server) acceptInvitation(ctx context.Context, i *tokenBody) (*sessionOut, error) {
	return nil, errStub
}
func (s *Server) listKeys(ctx context.Context, _ *none) (*out[APIKeys], error) { return nil, errStub }
func (s *Server) createKey(ctx context.Context, i *in[APIKeyRequest]) (*out[NewAPIKey], error) {
	return nil, errStub
}
func (s *Server) deleteKey(ctx context.Context, i *idIn) (*none, error) { return nil, errStub }
func (s *Server) listAudit(ctx context.Context, i *pageIn) (*out[AuditLog], error) {
	return nil, errStub
}

type listIn struct {
	View     string `query:"view" enum:"mine,unassigned,all,snoozed,resolved,failed" default:"all"`
	Sort     string `query:"sort" enum:"newest,waiting" default:"newest" doc:"waiting: who has waited longest first."`
	Tag      string `query:"tag" maxLength:"100"`
	Customer uint64 `query:"customer"`
	pageIn
}
type recipientsIn struct {
	ID      uint64 `path:"id"`
	Mode    string `query:"mode" enum:"reply,reply_all,forward" default:"reply_all"`
	Message uint64 `query:"message" doc:"The message answered; absent means the newest."`
}
type noteOut struct{ Body Entry }

func (s *Server) getCounts(ctx context.Context, _ *none) (*out[Counts], error) { return nil, errStub }
func (s *Server) listConversations(ctx context.Context, i *listIn) (*out[Rows], error) {
	return nil, errStub
}
func (s *Server) compose(ctx context.Context, i *in[ComposeRequest]) (*out[Conversation], error) {
	return nil, errStub
}
func (s *Server) changeConversations(ctx context.Context, i *in[BatchChange]) (*out[Rows], error) {
	return nil, errStub
}
func (s *Server) getConversation(ctx context.Context, i *openIn) (*out[Conversation], error) {
	return nil, errStub
}
func (s *Server) changeConversation(ctx context.Context, i *idBody[ConversationChange]) (*out[Row], error) {
	return nil, errStub
}
func (s *Server) getTimeline(ctx context.Context, i *spanIn) (*out[Page], error) { return nil, errStub }
func (s *Server) readConversation(ctx context.Context, i *idBody[ReadRequest]) (*none, error) {
	return nil, errStub
}
func (s *Server) addNote(ctx context.Context, i *idBody[NoteRequest]) (*out[Entry], error) {
	return nil, errStub
}
func (s *Server) getRecipients(ctx context.Context, i *recipientsIn) (*out[Recipients], error) {
	return nil, errStub
}
func (s *Server) reply(ctx context.Context, i *idBody[ReplyRequest]) (*out[Entry], error) {
	return nil, errStub
}
func (s *Server) getDraft(ctx context.Context, i *idIn) (*out[Draft], error) { return nil, errStub }
func (s *Server) saveDraft(ctx context.Context, i *idBody[Draft]) (*out[Draft], error) {
	return nil, errStub
}
func (s *Server) deleteDraft(ctx context.Context, i *idIn) (*none, error) { return nil, errStub }
func (s *Server) moveMessage(ctx context.Context, i *idBody[MoveRequest]) (*out[Conversation], error) {
	return nil, errStub
}
func (s *Server) mergeConversation(ctx context.Context, i *idBody[MergeRequest]) (*out[Conversation], error) {
	return nil, errStub
}
func (s *Server) listTags(ctx context.Context, _ *none) (*out[Tags], error) { return nil, errStub }

type liveIn struct {
	Since uint64 `query:"since" doc:"The newest sequence number the client has; 0 follows from now on."`
}
type openIn struct {
	ID    uint64 `path:"id"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Entries of the timeline."`
}

func (s *Server) live(ctx context.Context, i *liveIn) (*huma.StreamResponse, error) {
	return nil, errStub
}
func (s *Server) getMessage(ctx context.Context, i *idIn) (*out[Message], error) { return nil, errStub }

type htmlIn struct {
	ID     uint64 `path:"id"`
	Images int    `query:"images" enum:"0,1" doc:"1 loads remote pictures, through the hub."`
	Quoted int    `query:"quoted" enum:"0,1" default:"1" doc:"0 leaves the quoted message out."`
	Theme  string `query:"theme" enum:"light,dark" default:"light"`
}

func (s *Server) getMessageHTML(ctx context.Context, i *htmlIn) (*huma.StreamResponse, error) {
	return nil, errStub
}
func (s *Server) getMessageRaw(ctx context.Context, i *idIn) (*huma.StreamResponse, error) {
	return nil, errStub
}
func (s *Server) undoMessage(ctx context.Context, i *idIn) (*out[Draft], error) { return nil, errStub }
func (s *Server) retryMessage(ctx context.Context, i *idIn) (*out[Message], error) {
	return nil, errStub
}
func (s *Server) dismissMessage(ctx context.Context, i *idIn) (*out[Message], error) {
	return nil, errStub
}

type uploadIn struct {
	Name        string `query:"name" maxLength:"1000" required:"true"`
	ContentType string `header:"Content-Type"`
}
type blobIn struct {
	SHA256 string `path:"sha256" pattern:"^[0-9a-f]{64}$"`
	Name   string `path:"name" maxLength:"1000"`
	Type   string `query:"type" maxLength:"200"`
	Inline int    `query:"inline" enum:"0,1" doc:"1 shows pictures, PDF and plain text in the browser; all else is a download."`
}
type imageIn struct {
	URL string `query:"url" required:"true" maxLength:"8000"`
	Sig string `query:"sig" required:"true" maxLength:"100"`
}

func (s *Server) upload(ctx context.Context, i *uploadIn) (*out[Attachment], error) {
	return nil, errStub
}
func (s *Server) getBlob(ctx context.Context, i *blobIn) (*huma.StreamResponse, error) {
	return nil, errStub
}
func (s *Server) getImage(ctx context.Context, i *imageIn) (*huma.StreamResponse, error) {
	return nil, errStub
}

type searchIn struct {
	Q string `query:"q" maxLength:"200" doc:"Start of a word of the name, of an address, or digits."`
	pageIn
}
type customerListIn struct {
	ID uint64 `path:"id"`
	pageIn
}
type unlinkIn struct {
	ID     uint64 `path:"id"`
	Handle string `path:"handle" maxLength:"2000"`
	Reason string `query:"reason" maxLength:"2000"`
}
type handleIn struct {
	ID     uint64 `path:"id"`
	Handle string `path:"handle" maxLength:"2000"`
	Body   HandleChange
}

func (s *Server) listCustomers(ctx context.Context, i *searchIn) (*out[Customers], error) {
	return nil, errStub
}
func (s *Server) createCustomer(ctx context.Context, i *in[CustomerRequest]) (*out[Customer], error) {
	return nil, errStub
}
func (s *Server) getCustomer(ctx context.Context, i *idIn) (*out[Customer], error) {
	return nil, errStub
}
func (s *Server) changeCustomer(ctx context.Context, i *idBody[CustomerChange]) (*out[Customer], error) {
	return nil, errStub
}
func (s *Server) getCustomerTimeline(ctx context.Context, i *spanIn) (*out[Page], error) {
	return nil, errStub
}
func (s *Server) listCustomerConversations(ctx context.Context, i *customerListIn) (*out[Rows], error) {
	return nil, errStub
}
func (s *Server) linkHandle(ctx context.Context, i *idBody[LinkRequest]) (*out[Customer], error) {
	return nil, errStub
}
func (s *Server) unlinkHandle(ctx context.Context, i *unlinkIn) (*out[SplitCustomer], error) {
	return nil, errStub
}
func (s *Server) changeHandle(ctx context.Context, i *handleIn) (*out[Customer], error) {
	return nil, errStub
}
func (s *Server) mergeCustomer(ctx context.Context, i *idBody[CustomerMerge]) (*out[Customer], error) {
	return nil, errStub
}
func (s *Server) unmergeCustomer(ctx context.Context, i *idBody[CustomerUnmerge]) (*out[SplitCustomer], error) {
	return nil, errStub
}

type heldIn struct {
	Account string `query:"account" maxLength:"40"`
	pageIn
}

func (s *Server) listChannels(ctx context.Context, _ *none) (*out[Channels], error) {
	return nil, errStub
}
func (s *Server) listAccounts(ctx context.Context, _ *none) (*out[Accounts], error) {
	return nil, errStub
}
func (s *Server) createAccount(ctx context.Context, i *in[AccountRequest]) (*out[Account], error) {
	return nil, errStub
}
func (s *Server) changeAccount(ctx context.Context, i *nameBody[AccountChange]) (*out[Account], error) {
	return nil, errStub
}
func (s *Server) deleteAccount(ctx context.Context, i *nameIn) (*none, error) { return nil, errStub }
func (s *Server) testAccount(ctx context.Context, i *in[AccountTest]) (*out[TestSteps], error) {
	return nil, errStub
}
func (s *Server) kickAccount(ctx context.Context, i *nameIn) (*none, error) { return nil, errStub }
func (s *Server) listHeld(ctx context.Context, i *heldIn) (*out[HeldItems], error) {
	return nil, errStub
}
func (s *Server) getHeldRaw(ctx context.Context, i *idIn) (*huma.StreamResponse, error) {
	return nil, errStub
}
func (s *Server) retryHeld(ctx context.Context, i *idIn) (*out[HeldOutcome], error) {
	return nil, errStub
}
func (s *Server) dropHeld(ctx context.Context, i *idIn) (*none, error)           { return nil, errStub }
func (s *Server) startAudit(ctx context.Context, i *nameIn) (*out[Audit], error) { return nil, errStub }
func (s *Server) getAudit(ctx context.Context, i *nameIn) (*out[Audit], error)   { return nil, errStub }
func (s *Server) importMissing(ctx context.Context, i *nameBody[ImportRequest]) (*out[Audit], error) {
	return nil, errStub
}
