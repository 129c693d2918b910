package api

// The frames of the live stream. Every frame is one JSON object whose type
// tells which of its fields are there.

// LiveFrame is a frame from the hub.
type LiveFrame struct {
	Type    string   `json:"type" enum:"hello,entry,live,reset,counts,presence,account,pong"`
	Seq     uint64   `json:"seq,omitempty" doc:"hello: newest at connect. entry: of this event. live: all up to here has been sent. reset: since is too old, reload and go on from here."`
	Agent   uint64   `json:"agent,omitempty" doc:"hello: who is asking."`
	Entry   *Entry   `json:"entry,omitempty"`
	Row     *Row     `json:"row,omitempty" doc:"entry: the conversation after it, if it has one."`
	Counts  *Counts  `json:"counts,omitempty"`
	Viewers []Viewer `json:"viewers,omitempty" doc:"presence: the whole picture."`
	Online  []uint64 `json:"online,omitempty" doc:"presence: agents with an open screen."`
	Ready   []uint64 `json:"ready,omitempty" doc:"presence: agents whom calls may ring."`
	ID      string   `json:"id,omitempty" doc:"account: which one."`
	Health  *Health  `json:"health,omitempty" doc:"account: how it is doing."`
}

// Viewer is an agent who has a conversation open.
type Viewer struct {
	Agent        uint64 `json:"agent"`
	Conversation uint64 `json:"conversation"`
	Typing       bool   `json:"typing"`
}

// LiveRequest is a frame from the client.
type LiveRequest struct {
	Type         string `json:"type" enum:"view,ping"`
	Conversation uint64 `json:"conversation,omitempty" doc:"view: the one on the screen, 0 none."`
	Typing       bool   `json:"typing,omitempty"`
}
