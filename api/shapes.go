package api

import (
	"time"

	"throughline/connectors"
)

// What requests carry and what lists come wrapped in.

// SetupState tells whether the first-run setup is still open.
type SetupState struct {
	Needed bool `json:"needed"`
}

// SetupRequest makes the first administrator.
type SetupRequest struct {
	Token    string `json:"token" maxLength:"200" doc:"From the link that serve printed."`
	Name     string `json:"name" minLength:"1" maxLength:"200"`
	Email    string `json:"email" minLength:"3" maxLength:"254"`
	Password string `json:"password" maxLength:"1000"`
}

// LoginRequest signs in with a password.
type LoginRequest struct {
	Email    string `json:"email" maxLength:"254"`
	Password string `json:"password" maxLength:"1000"`
}

// TokenRequest signs in with a one-time link.
type TokenRequest struct {
	Token string `json:"token" maxLength:"200"`
}

// LoginSessions are the browsers an agent is signed in with.
type LoginSessions struct {
	Sessions []LoginSession `json:"sessions"`
}

// MeChange changes one's own name and settings; absent fields stay.
type MeChange struct {
	Name        *string      `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Preferences *Preferences `json:"preferences,omitempty"`
}

// PasswordChange sets a new password and ends all other sessions.
type PasswordChange struct {
	Old string `json:"old" maxLength:"1000"`
	New string `json:"new" maxLength:"1000"`
}

// Agents is everybody who works in the hub.
type Agents struct {
	Agents []Agent `json:"agents"`
}

// AgentRequest invites an agent.
type AgentRequest struct {
	Name  string `json:"name" minLength:"1" maxLength:"200"`
	Email string `json:"email" minLength:"3" maxLength:"254"`
	Role  string `json:"role" enum:"agent,manager,admin"`
}

// AgentChange changes an agent; absent fields stay.
type AgentChange struct {
	Name     *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Role     *string `json:"role,omitempty" enum:"agent,manager,admin"`
	Disabled *bool   `json:"disabled,omitempty"`
}

// InvitedAgent is a new agent with the link to hand over.
type InvitedAgent struct {
	Agent      Agent  `json:"agent"`
	Invitation string `json:"invitation" doc:"Path of the link, for example /#/invite/TOKEN. Shown once."`
}

// Invitation is a fresh link for an agent to set a password with.
type Invitation struct {
	Invitation string `json:"invitation" doc:"Path of the link, for example /#/invite/TOKEN. Shown once."`
}

// Invited is whom an invitation is for.
type Invited struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// InvitationAnswer takes an invitation up.
type InvitationAnswer struct {
	Password string `json:"password" maxLength:"1000"`
	Name     string `json:"name,omitempty" maxLength:"200"`
}

// APIKeys are an agent's own keys.
type APIKeys struct {
	Keys []APIKey `json:"keys"`
}

// APIKeyRequest names a new key.
type APIKeyRequest struct {
	Name string `json:"name" minLength:"1" maxLength:"200"`
}

// NewAPIKey is a key with its secret.
type NewAPIKey struct {
	Key    APIKey `json:"key"`
	Secret string `json:"secret" doc:"Shown once: only a digest is kept."`
}

// AuditLog is a page of the security log, newest first.
type AuditLog struct {
	Entries []AuditEntry `json:"entries"`
	Next    string       `json:"next,omitempty" doc:"Ask with cursor=this for more; absent at the end."`
}

// Rows is a page of a list of conversations. Seq is the hub's newest sequence
// number when it was read: follow the live stream from there.
type Rows struct {
	Rows []Row  `json:"rows"`
	Next string `json:"next,omitempty" doc:"Ask with cursor=this for more; absent at the end."`
	Seq  uint64 `json:"seq"`
}

// ConversationChange changes a conversation; absent fields stay.
type ConversationChange struct {
	Status       *string    `json:"status,omitempty" enum:"open,snoozed,resolved"`
	SnoozedUntil *time.Time `json:"snoozed_until,omitempty" doc:"When it comes back; needed for status snoozed."`
	Assignee     *uint64    `json:"assignee,omitempty" doc:"An agent's ID; 0 is nobody."`
	Team         *uint64    `json:"team,omitempty" doc:"A team's ID; 0 is none. Without assignee it is the team's until one of them takes it. Absent, it is that of the assignee, or of the inbox."`
	Priority     *string    `json:"priority,omitempty" enum:"low,normal,high,urgent"`
	Tags         *[]string  `json:"tags,omitempty" maxItems:"50" doc:"All tags from now on."`
	Purpose      *string    `json:"purpose,omitempty" maxLength:"31" doc:"Key of a purpose; \"\" takes it away."`
	SeenSeq      uint64     `json:"seen_seq,omitempty" doc:"Newest entry the agent has seen: read up to here."`
}

// BatchChange changes several conversations alike.
type BatchChange struct {
	IDs []uint64 `json:"ids" minItems:"1" maxItems:"200"`
	ConversationChange
}

// ReadRequest tells up to where an agent has read.
type ReadRequest struct {
	Seq uint64 `json:"seq"`
}

// NoteRequest adds a private note.
type NoteRequest struct {
	Text string `json:"text" minLength:"1" maxLength:"100000"`
}

// ReplyRequest answers in a conversation.
type ReplyRequest struct {
	Mode         string       `json:"mode" enum:"reply,reply_all,forward"`
	Account      string       `json:"account,omitempty" doc:"The account to send over; absent leaves it to the hub."`
	To           []Person     `json:"to" minItems:"1" maxItems:"500"`
	Cc           []Person     `json:"cc,omitempty" maxItems:"500"`
	Bcc          []Person     `json:"bcc,omitempty" maxItems:"500"`
	Subject      string       `json:"subject,omitempty" maxLength:"2000"`
	HTML         string       `json:"html" maxLength:"2000000"`
	Attachments  []Attachment `json:"attachments,omitempty" maxItems:"200"`
	InReplyTo    uint64       `json:"in_reply_to,omitempty" doc:"The message answered; absent means the newest."`
	SeenSeq      uint64       `json:"seen_seq" doc:"Newest entry of the conversation the writer has seen."`
	Anyway       bool         `json:"anyway,omitempty" doc:"Send even if there is something newer."`
	Then         string       `json:"then,omitempty" enum:"resolve,snooze," doc:"What becomes of the conversation."`
	SnoozedUntil time.Time    `json:"snoozed_until,omitzero"`
	SendAt       time.Time    `json:"send_at,omitzero" doc:"When it is to go out, within 30 days; absent: at once."`
	Template     *TemplateUse `json:"template,omitempty" doc:"Sends an approved text instead of html; account is needed."`
}

// ComposeRequest writes first, in a new conversation.
type ComposeRequest struct {
	Account     string       `json:"account" minLength:"1"`
	To          []Person     `json:"to" minItems:"1" maxItems:"500"`
	Cc          []Person     `json:"cc,omitempty" maxItems:"500"`
	Bcc         []Person     `json:"bcc,omitempty" maxItems:"500"`
	Subject     string       `json:"subject,omitempty" maxLength:"2000"`
	HTML        string       `json:"html" maxLength:"2000000"`
	Attachments []Attachment `json:"attachments,omitempty" maxItems:"200"`
	Template    *TemplateUse `json:"template,omitempty" doc:"Sends an approved text instead of html."`
	SendAt      time.Time    `json:"send_at,omitzero" doc:"When it is to go out, within 30 days; absent: at once."`
	Purpose     string       `json:"purpose,omitempty" maxLength:"31" doc:"What the conversation is about."`
}

// Ways are the accounts that something can be sent over.
type Ways struct {
	Ways []Way `json:"ways" doc:"The proposed one first; those without a handle of the customer last."`
}

// Templates are the texts that an account's provider has approved.
type Templates struct {
	Templates []Template `json:"templates"`
}

// ConsentRequest records what somebody told about being written to.
type ConsentRequest struct {
	Channel string `json:"channel" minLength:"1" maxLength:"100"`
	Purpose string `json:"purpose,omitempty" maxLength:"31" doc:"Absent: every purpose."`
	State   string `json:"state" enum:"opt_in,opt_out"`
	Reason  string `json:"reason" minLength:"1" maxLength:"300" doc:"How they told it."`
}

// MoveRequest files one message elsewhere.
type MoveRequest struct {
	Message uint64 `json:"message"`
	To      uint64 `json:"to" doc:"The conversation; 0 opens a new one."`
}

// MergeRequest puts a conversation into another.
type MergeRequest struct {
	Into uint64 `json:"into"`
}

// Tags are the tags in use.
type Tags struct {
	Tags []TagCount `json:"tags"`
}

// TagCount is a tag with how many conversations carry it.
type TagCount struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Customers is a page of customers.
type Customers struct {
	Customers []CustomerBrief `json:"customers"`
	Next      string          `json:"next,omitempty" doc:"Ask with cursor=this for more; absent at the end."`
}

// CustomerRequest makes a customer by hand.
type CustomerRequest struct {
	Name    string   `json:"name" maxLength:"2000"`
	Handles []string `json:"handles" minItems:"1" maxItems:"50" doc:"mailto:ann@example.org or an address as one writes it."`
}

// LinkRequest gives a customer a handle, taking it from where it was.
type LinkRequest struct {
	Handle string `json:"handle" minLength:"1" maxLength:"2000" doc:"mailto:ann@example.org or an address as one writes it."`
	Reason string `json:"reason,omitempty" maxLength:"2000"`
}

// HandleChange changes what is known of a handle; absent fields stay.
type HandleChange struct {
	Shared *bool `json:"shared,omitempty" doc:"Used by several people: suggests and never links."`
}

// CustomerMerge merges another customer into this one.
type CustomerMerge struct {
	Other  uint64   `json:"other"`
	Take   []string `json:"take,omitempty" maxItems:"20" doc:"Names of fields of the card whose value of the other is to stand. Undoing the merge puts the former values back."`
	Anyway bool     `json:"anyway,omitempty" doc:"Merge also what was decided not to be the same person."`
	Reason string   `json:"reason,omitempty" maxLength:"2000"`
}

// CustomerUnmerge takes a member out again.
type CustomerUnmerge struct {
	Member uint64 `json:"member"`
	Reason string `json:"reason,omitempty" maxLength:"2000"`
}

// SplitCustomer is a customer and what was split off it.
type SplitCustomer struct {
	Customer Customer `json:"customer"`
	Split    Customer `json:"split"`
}

// Channels are the kinds of account there can be.
type Channels struct {
	Channels []Channel `json:"channels"`
}

// Channel is a kind of account with the settings it takes.
type Channel struct {
	Channel string              `json:"channel"`
	Fields  []connectors.Field  `json:"fields"`
	Presets []connectors.Preset `json:"presets"`
}

// Accounts are the configured accounts.
type Accounts struct {
	Accounts []Account `json:"accounts"`
}

// AccountRequest adds an account.
type AccountRequest struct {
	ID       string         `json:"id" minLength:"1" maxLength:"40" doc:"Lower-case letters, digits and dashes; never changes."`
	Channel  string         `json:"channel" minLength:"1"`
	Name     string         `json:"name" maxLength:"200"`
	Settings map[string]any `json:"settings"`
}

// AccountChange changes an account; absent fields and settings stay.
type AccountChange struct {
	Name     *string        `json:"name,omitempty" maxLength:"200"`
	Disabled *bool          `json:"disabled,omitempty"`
	Settings map[string]any `json:"settings,omitempty" doc:"A secret given as true keeps its value."`
}

// AccountTest tries settings without keeping them.
type AccountTest struct {
	ID       string         `json:"id,omitempty" doc:"An existing account whose settings fill in what is absent."`
	NewID    string         `json:"new_id,omitempty" maxLength:"40" pattern:"^[a-z0-9-]+$" doc:"The ID that a new one is to have: the provider's settings are compared with the addresses that come of it."`
	Channel  string         `json:"channel" minLength:"1"`
	Settings map[string]any `json:"settings"`
}

// TestSteps is what was tried, the failed step last.
type TestSteps struct {
	Steps []Step `json:"steps"`
}

// Step is one thing that a test of settings tried.
type Step struct {
	connectors.Step
	Words *Words `json:"words,omitempty" doc:"Of the error."`
}

// HeldItems is a page of items held back, newest first.
type HeldItems struct {
	Items []HeldItem `json:"items"`
	Next  string     `json:"next,omitempty" doc:"Ask with cursor=this for more; absent at the end."`
}

// HeldOutcome is what became of an item tried again.
type HeldOutcome struct {
	Outcome      string `json:"outcome" enum:"stored,duplicate,held"`
	Reason       string `json:"reason,omitempty"`
	Words        *Words `json:"words,omitempty" doc:"Of the reason."`
	Conversation uint64 `json:"conversation,omitempty"`
}

// ImportRequest imports what an audit found missing.
type ImportRequest struct {
	Sources []string `json:"sources,omitempty" maxItems:"1000" doc:"Absent: all that is missing."`
}

// Newer is the problem of a reply that was held back because there is
// something newer than its writer has seen.
type Newer struct {
	Type   string  `json:"type" doc:"Ends in /newer."`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Words  *Words  `json:"words,omitempty"`
	Newer  []Entry `json:"newer" doc:"Oldest first; send again with seen_seq of the last."`
}
