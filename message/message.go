// Package message holds the nouns that every part of Throughline shares: a
// message as a channel delivered it or will deliver it, the handles (addresses)
// in it, its parts, and what later became of it.
//
// It uses the standard library only, keeps nothing on disk and does no I/O.
// It never knows a channel by name: whatever only one channel understands is an
// opaque string here (Key, Source, Ref).
package message

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"
)

// Handle is one address of somebody on some channel, written "scheme:address":
// "mailto:ann@example.org", "tel:+442071838750". Connectors build handles from
// what the wire said; package identity brings them to their canonical form, and
// only canonical handles are stored or compared.
type Handle string

// NewHandle joins a scheme and an address as found on the wire.
func NewHandle(scheme, address string) Handle { return Handle(scheme + ":" + address) }

// Scheme is the part before the first colon, "" if there is none.
func (h Handle) Scheme() string {
	s, _, ok := strings.Cut(string(h), ":")
	if !ok {
		return ""
	}
	return s
}

// Address is the part after the first colon.
func (h Handle) Address() string {
	_, a, _ := strings.Cut(string(h), ":")
	return a
}

// Person is a handle with the name it was written with, e.g. one mailbox of a
// To header. The name is decoded text and may be empty.
type Person struct {
	Name   string `json:"name,omitempty"`
	Handle Handle `json:"handle"`
	// Hints are other addresses that the provider's directory names for this
	// person, e.g. the email in a chat profile. They link nothing by themselves. A
	// number may be as it was written, without a country code.
	Hints []Handle `json:"hints,omitempty"`
	// Picture is the name of the picture that the directory shows of this person,
	// for the connector that gave it; another picture has another name.
	Picture string `json:"picture,omitempty"`
}

// Direction tells who wrote a message.
type Direction string

// A message comes in from outside or goes out from us.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Kind tells what sort of sender wrote an incoming message. Nothing is ever
// sent automatically in answer to a kind other than Human.
type Kind string

// The kinds of message.
const (
	Human     Kind = "human"
	AutoReply Kind = "auto_reply" // RFC 3834 auto-responses, vacation notes
	Bounce    Kind = "bounce"     // RFC 3464 delivery reports and their free-form cousins
	Complaint Kind = "complaint"  // RFC 5965 abuse reports
)

// Vouch is what our own receiving server's checks say of the sender
// (RFC 8601 Authentication-Results).
type Vouch string

// Unknown means that the server said nothing; only Failed is a warning.
const (
	VouchUnknown Vouch = ""
	VouchPassed  Vouch = "passed"
	VouchFailed  Vouch = "failed"
)

// Content is a body of bytes that may be larger than memory should hold. Open
// may be called more than once; each reader starts at the first byte.
type Content interface {
	Open() (io.ReadCloser, error)
	Size() int64
}

// Bytes is Content held in memory.
type Bytes []byte

// Open returns a reader over b.
func (b Bytes) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }

// Size is the length of b in bytes.
func (b Bytes) Size() int64 { return int64(len(b)) }

// Part is an attachment or an inline picture. Connectors fill Content; once the
// hub has stored it, Blob names it instead (lower-case hex SHA-256).
type Part struct {
	Name        string  `json:"name,omitempty"`
	ContentType string  `json:"content_type"` // media type without parameters, lower case
	Size        int64   `json:"size"`         // bytes, decoded
	Inline      bool    `json:"inline,omitempty"`
	ContentID   string  `json:"content_id,omitempty"` // without angle brackets
	Blob        string  `json:"blob,omitempty"`
	Content     Content `json:"-"`
}

// Message is one item of a conversation, incoming or outgoing.
type Message struct {
	// ID and Token are set by the hub. A connector that has to name a message
	// before it is sent (an RFC 5322 Message-ID) derives the name from both, so
	// that a second attempt carries the same name. Token is 16 random
	// characters of [a-z0-9]: IDs start again after a restore, tokens do not.
	ID    uint64 `json:"id"`
	Token string `json:"token,omitempty"`

	Channel   string    `json:"channel"`
	Account   string    `json:"account"` // ID of the account it came or goes through
	Direction Direction `json:"direction"`

	// Key is the identity of an incoming item, made by the connector: equal
	// keys are the same item. Source is where the provider keeps it (for mail
	// folder, UIDVALIDITY and UID); one item may have several sources.
	Key    string `json:"key,omitempty"`
	Source string `json:"source,omitempty"`

	From    Person   `json:"from"`
	ReplyTo []Person `json:"reply_to,omitempty"`
	To      []Person `json:"to,omitempty"`
	Cc      []Person `json:"cc,omitempty"`
	Bcc     []Person `json:"bcc,omitempty"`

	Subject string `json:"subject,omitempty"`
	Text    string `json:"text,omitempty"` // all of the plain text, or HTML turned to text
	HTML    string `json:"html,omitempty"` // as written; never shown before sanitising

	// Reply, Quoted and Signature divide Text for reading: what is new, what
	// repeats an earlier message, and the sender's footer.
	Reply     string `json:"reply,omitempty"`
	Quoted    string `json:"quoted,omitempty"`
	Signature string `json:"signature,omitempty"`

	Parts []Part `json:"parts,omitempty"`

	Time     time.Time `json:"time"`              // when written, as the sender claims
	Received time.Time `json:"received,omitzero"` // when our provider took it

	// Ref is the name by which answers will refer to this message; Refs are
	// the messages this one refers to, nearest first. Both are opaque except
	// for OwnRef.
	Ref  string   `json:"ref,omitempty"`
	Refs []string `json:"refs,omitempty"`

	// Echo is set when the item carries the name of a message of ours (a copy
	// in the Sent folder). It is a claim, not a proof: anybody can copy a name.
	Echo string `json:"echo,omitempty"`

	Kind     Kind     `json:"kind,omitempty"`
	List     string   `json:"list,omitempty"` // mailing list it came over (RFC 2919 List-Id), if any
	Bulk     bool     `json:"bulk,omitempty"` // sent to many; never answered automatically
	Vouch    Vouch    `json:"vouch,omitempty"`
	Warnings []string `json:"warnings,omitempty"` // repairs made to understand it

	// Chat is set on channels with one stream between two sides and no threads
	// (a text message): without a reference that leads somewhere the item goes
	// on where this sender and this account last spoke.
	Chat bool `json:"chat,omitempty"`
	// Member is set when the provider vouches that the sender takes part in what
	// Refs name (he is in that chat room): then a reference alone joins.
	Member bool `json:"member,omitempty"`
	// Call is set on a call. Its Text is what was said, if that was written down,
	// and its Parts are the recordings; what there is to say besides is worded
	// where it is shown.
	Call *Call `json:"call,omitempty"`
	// Consent is the sender's word about further messages on this channel.
	Consent Consent `json:"consent,omitempty"`
	// Answered is set when the provider has answered such a word by itself.
	Answered bool `json:"answered,omitempty"`

	// Template is set on outgoing messages whose words the provider has approved
	// beforehand; Text is then how it reads.
	Template *TemplateUse `json:"template,omitempty"`

	// Edited, Deleted, Former and Reactions are kept by the hub from Changes. A
	// connector sets Edited on an item that had been edited before it was read.
	Edited    time.Time  `json:"edited,omitzero"`
	Deleted   time.Time  `json:"deleted,omitzero"`
	Former    []Version  `json:"former,omitempty"` // oldest first
	Reactions []Reaction `json:"reactions,omitempty"`

	// Reports are facts about earlier outgoing messages that this item tells,
	// e.g. the failed recipients of a bounce.
	Reports []Report `json:"reports,omitempty"`

	// Thread is set by the hub on outgoing messages: the names of the messages
	// of the conversation so far, oldest first; the last is the message answered.
	// Ours stand there under the name of their Receipt, or as OwnRef while the
	// provider has not taken them.
	Thread []string `json:"thread,omitempty"`

	// Only is set by the hub at a further attempt for recipients that were
	// refused for the moment: those of To, Cc and Bcc to whom it is to go now.
	// The message itself stays the same and still names all.
	Only []Handle `json:"only,omitempty"`

	// Unsubscribe is set by the hub on outgoing letters that go to many: the address
	// at which a POST unsubscribes the recipient with one click (RFC 8058).
	Unsubscribe string `json:"unsubscribe,omitempty"`

	// Automatic marks an outgoing message that no person wrote.
	Automatic bool `json:"automatic,omitempty"`

	Raw Content `json:"-"` // the item exactly as delivered
}

// OwnRef is the reference to a message of ours, whatever it is called on the
// wire: connectors give it in Refs and Echo for names that they derived
// themselves.
func OwnRef(id uint64, token string) string { return "own:" + strconv.FormatUint(id, 10) + "." + token }

// ParseOwnRef undoes OwnRef.
func ParseOwnRef(ref string) (id uint64, token string, ok bool) {
	rest, ok := strings.CutPrefix(ref, "own:")
	if !ok {
		return 0, "", false
	}
	num, token, ok := strings.Cut(rest, ".")
	if !ok || token == "" {
		return 0, "", false
	}
	id, err := strconv.ParseUint(num, 10, 64)
	return id, token, err == nil
}

// Status is the state of an outgoing message at its provider. It only moves
// forward: see Before.
type Status string

// The states of a delivery, in their order. Unsure means that it may or may not
// have gone out and a person has to decide; Cancelled that an agent took it
// back in the undo window.
const (
	Queued    Status = "queued"
	Sending   Status = "sending"
	Sent      Status = "sent" // the provider accepted it
	Delivered Status = "delivered"
	Read      Status = "read"
	Failed    Status = "failed" // final; Reason says why
	Unsure    Status = "unsure"
	Cancelled Status = "cancelled"
)

var statusRank = map[Status]int{Queued: 0, Sending: 1, Unsure: 2, Sent: 3, Delivered: 4, Read: 5, Failed: 6, Cancelled: 7}

// Before reports whether a delivery in state s may move on to next. Failed can
// follow Sent and Delivered (a late bounce); nothing leaves Cancelled.
func (s Status) Before(next Status) bool {
	if s == Cancelled || s == Failed && next != Failed && next != Cancelled {
		return false
	}
	return statusRank[s] < statusRank[next]
}

// Report is news about an outgoing message: delivered, read, bounced.
type Report struct {
	Ref       string    `json:"ref,omitempty"`       // OwnRef or wire name of the message; "" if the report names none
	Wire      string    `json:"wire,omitempty"`      // beside an OwnRef: the wire name of the attempt it is about, where each attempt has its own
	Handle    Handle    `json:"handle,omitempty"`    // the recipient it is about
	Status    Status    `json:"status"`              // Sent, Delivered, Read or Failed
	Code      string    `json:"code,omitempty"`      // the provider's code, e.g. RFC 3463 "5.1.1"
	Reason    string    `json:"reason,omitempty"`    // the provider's words
	Permanent bool      `json:"permanent,omitempty"` // trying again is pointless
	Gone      bool      `json:"gone,omitempty"`      // it failed because the address itself does not work
	OptOut    bool      `json:"opt_out,omitempty"`   // it failed because the recipient does not want mail of ours any more
	Time      time.Time `json:"time,omitzero"`
}

// Consent is what somebody said about being written to.
type Consent string

// OptOut forbids further messages to a handle on a channel; OptIn allows them
// again. Help asks who writes and how that ends, and changes nothing.
const (
	OptOut Consent = "opt_out"
	OptIn  Consent = "opt_in"
	Help   Consent = "help"
)

// Template is a text that a provider has approved, with numbered or named gaps
// written {{1}} or {{name}}.
type Template struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Language string   `json:"language,omitempty"` // BCP 47
	Text     string   `json:"text"`
	Gaps     []string `json:"gaps,omitempty"` // their names, in the order of the text
}

// TemplateUse is a template with its gaps filled.
type TemplateUse struct {
	ID     string            `json:"id"`
	Values map[string]string `json:"values,omitempty"`
}

// Change is news about an item that was delivered before: its author edited or
// deleted it, somebody reacted to it, or a call went on. It may come before the
// item.
type Change struct {
	Of       string    // the Key of the item, or the wire name of one of ours
	Time     time.Time // by the provider's clock: the later one holds
	Edit     *Message  // its new Text, Reply, HTML, Parts and Warnings; nothing else is read but who wrote it, From.Handle, if that is known
	Deleted  bool
	Reaction *Reaction
	// Files says that its author changed nothing: of Edit only the Parts are read, which
	// are added to those of the item, and the Warnings, which take the place of the
	// item's. So it ends that files are awaited: they came, or never will.
	Files bool
	// Call is what is newly known of a call, see Call.Merge. The Text, Parts and
	// Warnings of Edit are then added to it and replace nothing.
	Call *Call
}

// Version is what an item said before it was edited or deleted.
type Version struct {
	Time time.Time `json:"time"` // of the change that replaced it
	Text string    `json:"text"`
	HTML string    `json:"html,omitempty"`
	// Parts are the files that went with it, those that are still there among them.
	Parts []Part `json:"parts,omitempty"`
}

// Reaction is a sign somebody put on an item. Gone ones are kept, so that news
// may come in any order.
type Reaction struct {
	Emoji string    `json:"emoji"` // the character, or :name: if it has none
	By    Person    `json:"by"`
	Time  time.Time `json:"time"`
	Gone  bool      `json:"gone,omitempty"`
}

// Held is an item that was delivered but could not be taken in. It is kept with
// its reason until a person or a newer version succeeds with it.
type Held struct {
	Source string
	Key    string
	Reason string  // a sentence for people
	Raw    Content // nil when the provider could not even hand it over
}
