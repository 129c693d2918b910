package api

import (
	"encoding/json"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/wording"
)

// The shapes of the API, used by every route and by the frames of the live
// stream. Times are RFC 3339 in UTC, sequence numbers count all events of the
// hub, IDs are whole numbers.

// Agent is a person who works in the hub.
type Agent struct {
	ID       uint64    `json:"id"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`
	Role     string    `json:"role" enum:"agent,manager,admin"`
	Disabled bool      `json:"disabled,omitempty"`
	Invited  bool      `json:"invited,omitempty" doc:"Has not yet set a password."`
	Created  time.Time `json:"created"`
	LastSeen time.Time `json:"last_seen,omitzero"`
}

// Preferences are an agent's own settings.
type Preferences struct {
	Language     string `json:"language,omitempty" enum:"en,fa,th," doc:"Empty follows the browser."`
	Theme        string `json:"theme,omitempty" enum:"light,dark," doc:"Empty follows the system."`
	Density      string `json:"density,omitempty" enum:"comfortable,compact,"`
	AfterResolve string `json:"after_resolve,omitempty" enum:"next,stay,list,"`
	Signature    string `json:"signature,omitempty" maxLength:"4000" doc:"Plain text, put above the account's signature."`
	Availability string `json:"availability,omitempty" enum:"online,busy,away,"`
}

// Session is who is asking.
type Session struct {
	Agent       Agent       `json:"agent"`
	Preferences Preferences `json:"preferences"`
	CSRF        string      `json:"csrf" doc:"Send it as X-CSRF-Token with every request that is not GET."`
	UndoSeconds int         `json:"undo_seconds" doc:"How long a sent message can be taken back."`
	Version     string      `json:"version"`
	Demo        bool        `json:"demo,omitempty"`
}

// LoginSession is one signed-in browser.
type LoginSession struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current"`
	Created   time.Time `json:"created"`
	LastSeen  time.Time `json:"last_seen"`
	Address   string    `json:"address"`
	UserAgent string    `json:"user_agent"`
}

// APIKey lets a program call the API in an agent's name.
type APIKey struct {
	ID       uint64    `json:"id"`
	Name     string    `json:"name"`
	Prefix   string    `json:"prefix" doc:"First characters of the key, to tell keys apart."`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// AuditEntry is one security event.
type AuditEntry struct {
	Seq     uint64    `json:"seq"`
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind" doc:"For example login.ok, login.failed, agent.invited, key.created, account.changed."`
	Agent   uint64    `json:"agent,omitempty"`
	Name    string    `json:"name,omitempty"`
	Address string    `json:"address,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// Person is a handle as it stands in a message, with the customer it leads to.
// In requests only name and handle count, and handle may be an address as one
// writes it.
type Person struct {
	Name     string `json:"name,omitempty" maxLength:"2000"`
	Handle   string `json:"handle" maxLength:"2000" doc:"Canonical: mailto:ann@example.org. In a request also an address as one writes it."`
	Address  string `json:"address" readOnly:"true" doc:"The handle without its scheme, for reading."`
	Customer uint64 `json:"customer,omitempty"`
	Own      bool   `json:"own,omitempty" doc:"One of our accounts."`
	Picture  string `json:"picture,omitempty" readOnly:"true" doc:"Where the picture is that the directory of the channel shows of them."`
}

// Handle is one address of a customer.
type Handle struct {
	Person
	Scheme    string       `json:"scheme"`
	Verified  bool         `json:"verified" doc:"Mail authentication has vouched for it."`
	Shared    bool         `json:"shared" doc:"Used by several people: suggests and never links."`
	LastSeen  time.Time    `json:"last_seen,omitzero"`
	Link      Link         `json:"link"`
	Member    uint64       `json:"member" doc:"The customer record that owns it; differs from the customer asked for after a merge."`
	Hints     []Hint       `json:"hints,omitempty" doc:"Other addresses that the provider's directory names for its user. They link nothing: link the handle to do so."`
	Consents  []Consent    `json:"consents,omitempty" doc:"What was said about being written to, by channel and purpose."`
	Suspended []Suspension `json:"suspended,omitempty" doc:"Channels on which messages to it do not arrive."`
}

// Link tells who decided that a handle belongs to a customer, when and why.
type Link struct {
	By         string    `json:"by" doc:"\"exact\" for a first contact, else \"agent:ID\"."`
	Name       string    `json:"name,omitempty"`
	Time       time.Time `json:"time"`
	Reason     string    `json:"reason,omitempty"`
	Confidence float64   `json:"confidence"`
}

// Member is a customer record merged into another.
type Member struct {
	ID     uint64    `json:"id"`
	Name   string    `json:"name"`
	By     string    `json:"by"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason,omitempty"`
}

// Customer is one person or organisation that writes to us.
type Customer struct {
	ID       uint64 `json:"id"`
	Name     string `json:"name"`
	Company  string `json:"company,omitempty"`
	Note     string `json:"note,omitempty" doc:"Free text all teams share."`
	Language string `json:"language,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`
	Card
	Picture       string    `json:"picture,omitempty" doc:"Of the first handle that has one."`
	Created       time.Time `json:"created"`
	Erased        time.Time `json:"erased,omitzero" doc:"When all that was known was erased: nothing but the number is left."`
	Handles       []Handle  `json:"handles"`
	Merged        []Member  `json:"merged"`
	Conversations int       `json:"conversations"`
	Open          int       `json:"open"`
	Duplicates    int       `json:"duplicates" doc:"Who this may be too: pairs that wait for a decision."`
}

// CustomerBrief is a customer in a list.
type CustomerBrief struct {
	ID      uint64    `json:"id"`
	Name    string    `json:"name"`
	Company string    `json:"company,omitempty"`
	Handles []string  `json:"handles" doc:"Canonical, at most three."`
	Picture string    `json:"picture,omitempty"`
	Last    time.Time `json:"last,omitzero"`
}

// Row is a conversation in a list.
type Row struct {
	ID           uint64        `json:"id"`
	Customer     CustomerBrief `json:"customer"`
	Account      string        `json:"account"`
	Channel      string        `json:"channel" doc:"Of the newest message."`
	Channels     []string      `json:"channels" doc:"All over which something of it came or went, the newest one's first."`
	Subject      string        `json:"subject"`
	Preview      string        `json:"preview" doc:"First words of the newest message."`
	Direction    string        `json:"direction" enum:"in,out,note," doc:"Of the newest message or note."`
	Call         *message.Call `json:"call,omitempty" doc:"If the newest entry is a call; its preview is empty until there is a transcript."`
	Status       string        `json:"status" enum:"open,snoozed,resolved"`
	Assignee     uint64        `json:"assignee,omitempty"`
	Team         uint64        `json:"team,omitempty" doc:"That has it."`
	Priority     string        `json:"priority" enum:"low,normal,high,urgent"`
	Tags         []string      `json:"tags"`
	SnoozedUntil time.Time     `json:"snoozed_until,omitzero"`
	Waiting      time.Time     `json:"waiting,omitzero" doc:"Since when the customer waits for an answer; absent if nobody waits."`
	Last         time.Time     `json:"last" doc:"Time of the newest message or note."`
	LastSeq      uint64        `json:"last_seq"`
	Messages     int           `json:"messages"`
	Unread       int           `json:"unread" doc:"Incoming messages since anybody last read or answered."`
	Undelivered  int           `json:"undelivered,omitempty" doc:"Outgoing messages that failed and were neither retried nor dismissed."`
	Kind         string        `json:"kind,omitempty" doc:"Kind of the first message if not human: auto_reply, bounce, complaint, list."`
	Draft        uint64        `json:"draft,omitempty" doc:"Agent who has a draft here, if any."`
	Purpose      string        `json:"purpose,omitempty" doc:"What it is about: the key of a purpose."`
	PurposeBy    string        `json:"purpose_by,omitempty" doc:"agent:ID, rule or classifier."`
}

// Counts are the numbers beside the list names.
type Counts struct {
	Mine       int `json:"mine"`
	Unassigned int `json:"unassigned"`
	All        int `json:"all"`
	Snoozed    int `json:"snoozed"`
	Resolved   int `json:"resolved"`
	Failed     int `json:"failed" doc:"Open conversations with an undelivered message."`
	Trouble    int `json:"trouble" doc:"Accounts that are not working."`
	Held       int `json:"held" doc:"Items held back with a reason."`
	Duplicates int `json:"duplicates" doc:"Pairs of customers who may be one person."`
	Tasks      int `json:"tasks" doc:"One's own tasks that are overdue or due today, by the clock where the hub runs."`
	Overdue    int `json:"overdue" doc:"Those of tasks whose time has passed."`
	AllTasks   int `json:"all_tasks" doc:"Everybody's open tasks."`
	FreeTasks  int `json:"unassigned_tasks" doc:"Open tasks that nobody has: missed calls begin there."`
}

// Attachment is a file of a message or an upload that waits for one. In requests
// size and url do not count.
type Attachment struct {
	Name        string `json:"name" maxLength:"1000"`
	ContentType string `json:"content_type" maxLength:"200"`
	Size        int64  `json:"size" doc:"Bytes."`
	Inline      bool   `json:"inline,omitempty" doc:"A picture in the text, as src=\"cid:CONTENT_ID\"."`
	ContentID   string `json:"content_id,omitempty" maxLength:"250"`
	Blob        string `json:"blob" maxLength:"64" doc:"SHA-256 of the content."`
	URL         string `json:"url" doc:"Where to download it, relative to the hub; with &inline=1 pictures, PDF and plain text open in the browser."`

	Scan *DocumentScan `json:"scan,omitempty" readOnly:"true" doc:"Absent where no scanner looked."`
}

// Attempt is one try to deliver.
type Attempt struct {
	Time   time.Time `json:"time"`
	Result string    `json:"result" doc:"sent, retry, rejected, account, unsure, opt_out; empty while under way."`
	Code   string    `json:"code,omitempty"`
	Detail string    `json:"detail,omitempty"`
	Words  *Words    `json:"words,omitempty" doc:"Of the detail."`
}

// Words are the name of a text and what stands in its gaps.
type Words = wording.Words

// Refusal is a recipient that was refused.
type Refusal struct {
	message.Report
	Words *Words `json:"words,omitempty" doc:"Of the reason."`
}

// Delivery is what became of an outgoing message.
type Delivery struct {
	Status    string    `json:"status" enum:"queued,sending,sent,delivered,read,failed,unsure,cancelled"`
	Reason    string    `json:"reason,omitempty"`
	Words     *Words    `json:"words,omitempty" doc:"Of the reason."`
	Code      string    `json:"code,omitempty" doc:"The provider's own."`
	Due       time.Time `json:"due,omitzero" doc:"When the next attempt is made; until the first one the message can be taken back."`
	CanUndo   bool      `json:"can_undo,omitempty"`
	CanRetry  bool      `json:"can_retry,omitempty"`
	Attempts  []Attempt `json:"attempts"`
	Rejected  []Refusal `json:"rejected,omitempty" doc:"Recipients refused while others were taken, and later bounces."`
	Dismissed bool      `json:"dismissed,omitempty"`
	Checking  bool      `json:"checking,omitempty" doc:"Nobody knows yet whether it went out: the provider is asked, next when due."`
}

// Message is a message as the screen shows it. The HTML is not in it: fetch
// /api/messages/{id}/html into a sandboxed frame.
type Message struct {
	ID           uint64        `json:"id"`
	Channel      string        `json:"channel"`
	Account      string        `json:"account"`
	Direction    string        `json:"direction" enum:"in,out"`
	Time         time.Time     `json:"time"`
	Refiled      *RefiledTo    `json:"refiled,omitempty" doc:"If a person said that it is from somebody else than the owner of its address."`
	From         Person        `json:"from"`
	ReplyTo      []Person      `json:"reply_to,omitempty"`
	To           []Person      `json:"to"`
	Cc           []Person      `json:"cc,omitempty"`
	Bcc          []Person      `json:"bcc,omitempty"`
	Subject      string        `json:"subject,omitempty"`
	Reply        string        `json:"reply" doc:"The new part of the text."`
	Quoted       string        `json:"quoted,omitempty"`
	HasQuoted    bool          `json:"has_quoted,omitempty" doc:"There is quoted text; timelines leave it out, the message itself has it."`
	Signature    string        `json:"signature,omitempty"`
	HasHTML      bool          `json:"has_html,omitempty"`
	RemoteImages bool          `json:"remote_images,omitempty" doc:"The HTML has pictures that lie elsewhere; images=1 shows them."`
	Truncated    bool          `json:"truncated,omitempty" doc:"Texts were cut; fetch the message for all of them."`
	Attachments  []Attachment  `json:"attachments,omitempty"`
	Kind         string        `json:"kind,omitempty" enum:"human,auto_reply,bounce,complaint,"`
	List         string        `json:"list,omitempty"`
	Bulk         bool          `json:"bulk,omitempty"`
	Vouch        string        `json:"vouch,omitempty" enum:"passed,failed,"`
	Warnings     []string      `json:"warnings,omitempty"`
	WarningWords []*Words      `json:"warning_words,omitempty" doc:"Of each of the warnings, null for one without a name."`
	Delivery     *Delivery     `json:"delivery,omitempty"`
	Agent        uint64        `json:"agent,omitempty" doc:"Who wrote it, for outgoing ones."`
	AccountName  string        `json:"account_name,omitempty"`
	Address      string        `json:"address,omitempty" doc:"Our own address or number on this account."`
	Call         *message.Call `json:"call,omitempty" doc:"Set on a call: outcome is cancelled, failed, busy, missed, voicemail or answered, and absent while it goes on; state is waiting, ringing, dialling, talking, held or ended, and absent while no agent takes part; ringing are the agents at whom it rings. Lengths are in seconds. Attachments are its recordings, reply is the transcript."`
	Consent      string        `json:"consent,omitempty" enum:"opt_in,opt_out,help," doc:"What it says about being written to."`
	Template     *TemplateUse  `json:"template,omitempty"`
	Edited       time.Time     `json:"edited,omitzero" doc:"By its author, after it was delivered."`
	Deleted      time.Time     `json:"deleted,omitzero" doc:"By its author; what it said is in former."`
	Erased       bool          `json:"erased,omitempty" doc:"What it said was erased, with the customer."`
	Versions     int           `json:"versions,omitempty" doc:"How many former versions there are."`
	Former       []Version     `json:"former,omitempty" doc:"Oldest first; only in the message itself."`
	Reactions    []Reaction    `json:"reactions,omitempty"`
}

// Note is a private remark among agents.
type Note struct {
	ID    uint64 `json:"id"`
	Agent uint64 `json:"agent"`
	Text  string `json:"text"`
}

// Entry is one line of a timeline: an event with what it tells of. Of the kinds
// with a message only the event that created it carries it; delivery changes
// carry the message again in its new state.
type Entry struct {
	Seq          uint64          `json:"seq"`
	Time         time.Time       `json:"time"`
	Kind         string          `json:"kind" doc:"message.received, message.queued, message.delivery, message.cancelled, message.edited, message.deleted, message.reaction, message.call, consent.changed, consent.help, note.added, conversation.opened, conversation.status, conversation.assigned, conversation.priority, conversation.tags, conversation.purpose, preference.changed, purposes.changed, teams.changed, conversation.read, customer.created, customer.changed, customer.merged, customer.unmerged, handle.linked, handle.unlinked, draft.changed, task.added, task.changed, task.due, task.done, task.removed, fields.changed"`
	Conversation uint64          `json:"conversation,omitempty"`
	Customer     uint64          `json:"customer,omitempty"`
	Actor        string          `json:"actor" doc:"agent:ID, customer:ID or system."`
	Data         json.RawMessage `json:"data,omitempty" doc:"Kind-specific: {from,to} for status, assignee, priority and tags, with {team} where it was given to a team; {status,until} for a snooze; {handle,channel,state,by} for consent; {emoji,gone} for a reaction; {document,version} for documents; the names of what changed for a customer, and {picture: {handle,url,was}} when a new picture of theirs is here."`
	Message      *Message        `json:"message,omitempty"`
	Note         *Note           `json:"note,omitempty"`
	Document     *EntryDocument  `json:"document,omitempty" doc:"Of document.added, document.version, document.changed, document.deleted, document.restored, document.purged, document.shared, document.revoked, document.opened and document.expiring, unless only managers may see it or it has been deleted for good."`
	Task         *Task           `json:"task,omitempty" doc:"As it is now; absent if it has been removed."`
	TaskID       uint64          `json:"task_id,omitempty"`
}

// Page is a stretch of a timeline, oldest first. Seq is the hub's newest
// sequence number when the page was read: follow the live stream from there.
type Page struct {
	Entries []Entry `json:"entries"`
	Seq     uint64  `json:"seq"`
	Before  uint64  `json:"before,omitempty" doc:"Ask with before=this for older entries; absent at the beginning."`
	After   uint64  `json:"after,omitempty" doc:"Ask with after=this for newer entries; absent at the end."`
}

// Conversation is a conversation opened.
type Conversation struct {
	Row
	Participants []Person `json:"participants"`
	Timeline     Page     `json:"timeline" doc:"The newest entries of this conversation."`
	DraftText    *Draft   `json:"draft_text,omitempty" doc:"The asking agent's draft."`
	ReplyFrom    []string `json:"reply_from" doc:"Accounts an answer can go out over; the first is proposed."`
	ReadSeq      uint64   `json:"read_seq" doc:"Up to where the asking agent has read."`
}

// Draft is an unsent answer, kept on the server per agent and conversation.
type Draft struct {
	Mode        string       `json:"mode" enum:"reply,reply_all,forward,new,note"`
	Account     string       `json:"account,omitempty"`
	To          []Person     `json:"to,omitempty"`
	Cc          []Person     `json:"cc,omitempty"`
	Bcc         []Person     `json:"bcc,omitempty"`
	Subject     string       `json:"subject,omitempty" maxLength:"2000"`
	HTML        string       `json:"html" maxLength:"2000000"`
	Attachments []Attachment `json:"attachments,omitempty"`
	InReplyTo   uint64       `json:"in_reply_to,omitempty"`
	Template    *TemplateUse `json:"template,omitempty"`
	Saved       time.Time    `json:"saved,omitzero"`
}

// Recipients is what the composer starts with for a mode.
type Recipients struct {
	Account     string       `json:"account"`
	To          []Person     `json:"to"`
	Cc          []Person     `json:"cc"`
	Subject     string       `json:"subject"`
	InReplyTo   uint64       `json:"in_reply_to,omitempty"`
	Quote       string       `json:"quote,omitempty" doc:"HTML that is added below the text when sent: the signature and the quoted message."`
	Attachments []Attachment `json:"attachments,omitempty" doc:"Files of a forwarded message."`
	Warning     string       `json:"warning,omitempty" doc:"Something the writer should know, e.g. the answered mail is an automatic one."`
}

// Account is a configured mailbox or number, with its health.
type Account struct {
	ID       string         `json:"id"`
	Channel  string         `json:"channel"`
	Name     string         `json:"name"`
	Address  string         `json:"address"`
	FromFile bool           `json:"from_file" doc:"Set in the configuration file; cannot be changed here."`
	Disabled bool           `json:"disabled,omitempty"`
	Settings map[string]any `json:"settings,omitempty" doc:"Only for admins; secrets read as true when set."`
	Webhook  string         `json:"webhook,omitempty" doc:"Only for admins: the address that the provider is to call, where it does and the hub has a public one."`
	Hooks    []Hook         `json:"hooks,omitempty" doc:"Only for admins: the whole addresses to enter at the provider."`
	Writing  Writing        `json:"writing"`
	Health   Health         `json:"health"`
}

// Hook is an address for the provider to call.
type Hook struct {
	Use   string `json:"use" doc:"What it is for, a word that stays: message, call, call_status, events…"`
	Label string `json:"label" doc:"The same in English."`
	URL   string `json:"url"`
}

// Health is how an account is doing.
type Health struct {
	State       connectors.State `json:"state"`
	Since       time.Time        `json:"since,omitzero" doc:"When the phase began."`
	Last        time.Time        `json:"last,omitzero" doc:"Last success: a working connection or an item taken in."`
	Stored      int              `json:"stored"`
	Duplicate   int              `json:"duplicate"`
	Held        int              `json:"held"`
	Today       int              `json:"today" doc:"Stored since midnight UTC."`
	Queued      int              `json:"queued" doc:"Messages waiting to go out."`
	SendPaused  string           `json:"send_paused,omitempty" doc:"Why nothing goes out, if so."`
	StateWords  *Words           `json:"state_words,omitempty" doc:"Of the state's detail."`
	PausedWords *Words           `json:"paused_words,omitempty" doc:"Of send_paused."`
}

// HeldItem is an incoming item that could not be taken in.
type HeldItem struct {
	ID      uint64    `json:"id"`
	Account string    `json:"account"`
	Source  string    `json:"source"`
	Reason  string    `json:"reason"`
	Words   *Words    `json:"words,omitempty" doc:"Of the reason."`
	Time    time.Time `json:"time"`
	Size    int64     `json:"size"`
	HasRaw  bool      `json:"has_raw"`
	Tries   int       `json:"tries"`
}

// Audit compares what a provider holds with what the hub has.
type Audit struct {
	Account   string      `json:"account"`
	Running   bool        `json:"running"`
	Started   time.Time   `json:"started,omitzero"`
	Finished  time.Time   `json:"finished,omitzero"`
	Error     string      `json:"error,omitempty"`
	Words     *Words      `json:"words,omitempty" doc:"Of the error."`
	Server    int         `json:"server" doc:"Items at the provider."`
	Stored    int         `json:"stored"`
	Duplicate int         `json:"duplicate"`
	Held      int         `json:"held"`
	Missing   []AuditItem `json:"missing" doc:"At the provider and not here; at most 1,000."`
	MissingN  int         `json:"missing_total"`
	Imported  int         `json:"imported" doc:"Re-imported since."`
}

// AuditItem is one item the hub does not have.
type AuditItem struct {
	Source string    `json:"source"`
	Label  string    `json:"label,omitempty"`
	Size   int64     `json:"size"`
	Time   time.Time `json:"time,omitzero"`
}
