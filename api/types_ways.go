package api

import "time"

// The shapes of what channels other than mail know.

// Hint is an address that a provider's directory names for the user of another.
type Hint struct {
	Person
	Time time.Time `json:"time"`
}

// Consent is what somebody said last about being written to on a channel.
type Consent struct {
	Channel string    `json:"channel"`
	Purpose string    `json:"purpose,omitempty" doc:"Absent: every purpose."`
	State   string    `json:"state" enum:"opt_in,opt_out"`
	Since   time.Time `json:"since"`
	By      string    `json:"by" doc:"customer (their own words), provider (it refused a message), or agent:ID."`
	Name    string    `json:"name,omitempty" doc:"Of that agent."`
	Reason  string    `json:"reason,omitempty"`
	Code    string    `json:"code,omitempty" doc:"The provider's."`
	Message uint64    `json:"message,omitempty" doc:"The message that proves it."`
	// Conversation is for links: messages are shown within theirs.
	Conversation uint64 `json:"conversation,omitempty" doc:"Of that message."`
}

// Suspension tells that messages to a handle do not arrive: nothing more is sent
// there until it is lifted or the person writes.
type Suspension struct {
	Channel string    `json:"channel"`
	Since   time.Time `json:"since"`
	Reason  string    `json:"reason,omitempty"`
	Code    string    `json:"code,omitempty"`
	Message uint64    `json:"message,omitempty" doc:"That did not arrive."`
}

// Writing is what a message over an account can have.
type Writing struct {
	None          bool  `json:"none,omitempty" doc:"Nothing can be written here."`
	Letter        bool  `json:"letter" doc:"A subject, several recipients and copies, a signature, the answered message quoted below. Otherwise plain text to one person."`
	Rich          bool  `json:"rich" doc:"Formatted text; otherwise only its words are sent."`
	Files         int   `json:"files" doc:"At most so many; 0 none."`
	FileBytes     int64 `json:"file_bytes" doc:"Of all files together; 0 unlimited."`
	Text          int   `json:"text" doc:"Longest text in characters; 0 unlimited."`
	Segments      bool  `json:"segments" doc:"Paid for in segments of GSM-7 or UCS-2."`
	Mentions      bool  `json:"mentions" doc:"People can be named, <span data-mention=HANDLE>@Name</span>: see listMentions."`
	WindowSeconds int64 `json:"window_seconds" doc:"How long after a person's last message own words can be sent; later only a template. 0: always."`
}

// Way is an account that something can be sent over, with the customer's handles
// that it reaches.
type Way struct {
	Account   string      `json:"account"`
	Name      string      `json:"name"`
	Channel   string      `json:"channel"`
	Address   string      `json:"address" doc:"Our own, which the customer sees."`
	Writing   Writing     `json:"writing"`
	Templates bool        `json:"templates" doc:"There are approved texts: see listTemplates."`
	Proposed  bool        `json:"proposed,omitempty" doc:"What the composer starts with, together with the first of its handles; at most one."`
	Paused    string      `json:"paused,omitempty" doc:"Why nothing goes out at the moment, if so; what is written waits."`
	Handles   []WayHandle `json:"handles" doc:"What is proposed comes first; empty if the customer has none here."`
}

// WayHandle is one address of a Way.
type WayHandle struct {
	Person
	Last    time.Time `json:"last,omitzero" doc:"When it was last in touch."`
	Blocked string    `json:"blocked,omitempty" enum:"opted_out,suspended,window," doc:"window: own words are refused and a template can be sent."`
	Reason  string    `json:"reason,omitempty" doc:"Why, for people."`
	Since   time.Time `json:"since,omitzero" doc:"Since when."`
	Until   time.Time `json:"until,omitzero" doc:"When the time for own words ends, where there is such a limit and it has not ended."`
}

// Version is what a message said before it was edited or deleted.
type Version struct {
	Time        time.Time    `json:"time" doc:"When it was replaced."`
	Text        string       `json:"text"`
	Attachments []Attachment `json:"attachments,omitempty" doc:"The files that went with it."`
}

// Reaction is a sign somebody put on a message.
type Reaction struct {
	Emoji string    `json:"emoji" doc:"The character, or :name: where it has none."`
	By    Person    `json:"by"`
	Time  time.Time `json:"time"`
}

// Template is a text that the provider has approved, with gaps to fill.
type Template struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Language string   `json:"language,omitempty"`
	Text     string   `json:"text" doc:"Gaps are written {{name}}."`
	Gaps     []string `json:"gaps" doc:"Their names, in the order of the text."`
}

// TemplateUse is a template with its gaps filled.
type TemplateUse struct {
	ID     string            `json:"id" minLength:"1" maxLength:"200"`
	Values map[string]string `json:"values,omitempty" maxProperties:"100" doc:"By name of the gap."`
}
