package api

import "time"

// The shapes of purposes and preferences.

// Purpose is what a conversation is about, as far as the choice of a channel goes.
type Purpose struct {
	Key       string            `json:"key" minLength:"1" maxLength:"31" doc:"For ever; names may change."`
	Names     map[string]string `json:"names" doc:"By language."`
	Archived  bool              `json:"archived,omitempty" doc:"Not offered any more."`
	Marketing bool              `json:"marketing,omitempty" doc:"Its mails carry a link to unsubscribe that works with one click."`
	Lessons   int               `json:"lessons,omitempty" doc:"Conversations the classifier has learned from; ignored in requests."`
}

// PurposeRule gives a purpose to new conversations that meet all of its conditions.
type PurposeRule struct {
	Purpose string   `json:"purpose"`
	Account string   `json:"account,omitempty" maxLength:"200"`
	Tag     string   `json:"tag,omitempty" maxLength:"100"`
	Words   []string `json:"words,omitempty" maxItems:"50" doc:"One of them is in the subject."`
	Text    []string `json:"text,omitempty" maxItems:"50" doc:"One of them is in what the customer wrote first."`
	Address []string `json:"address,omitempty" maxItems:"50" doc:"One of them is part of the customer's address."`
}

// Purposes are what administrators decide about purposes.
type Purposes struct {
	Purposes  []Purpose     `json:"purposes" maxItems:"40" doc:"In the order in which they are offered."`
	Rules     []PurposeRule `json:"rules" maxItems:"100" doc:"The first that holds decides."`
	Threshold float64       `json:"threshold" minimum:"0" maximum:"1" doc:"How sure the classifier has to be to set a purpose by itself, from 0.5; 0: it only proposes."`
	Version   uint64        `json:"version" doc:"Of which a change was made: send it back."`
}

// GuessWord is a word that spoke for a guess.
type GuessWord struct {
	Word   string  `json:"word" doc:"As it is compared; three letters in a row begin with ~."`
	Weight float64 `json:"weight" doc:"Logarithm of how much more often it stands in matters of this purpose."`
}

// Guess is a purpose that the classifier proposes for a conversation without one.
type Guess struct {
	Purpose    string      `json:"purpose" doc:"\"\" if nothing is proposed."`
	Confidence float64     `json:"confidence"`
	Words      []GuessWord `json:"words"`
}

// LearnedPurpose is what the classifier has learned of one purpose.
type LearnedPurpose struct {
	Purpose string      `json:"purpose"`
	Lessons int         `json:"lessons" doc:"Conversations whose purpose an agent set."`
	Words   []GuessWord `json:"words" doc:"By which it is told from the others, strongest first."`
}

// LearnedPurposes are those with lessons, most first.
type LearnedPurposes struct {
	Purposes []LearnedPurpose `json:"purposes"`
}

// PurposeTrial is a message that is tried on the rules and the classifier.
type PurposeTrial struct {
	Account string   `json:"account,omitempty" maxLength:"200" doc:"The inbox it comes to."`
	Address string   `json:"address,omitempty" maxLength:"320" doc:"Of the customer."`
	Subject string   `json:"subject,omitempty" maxLength:"1000"`
	Text    string   `json:"text,omitempty" maxLength:"8000"`
	Tags    []string `json:"tags,omitempty" maxItems:"20"`
}

// PurposeTried is what became of a trial.
type PurposeTried struct {
	Purpose string `json:"purpose" doc:"That a conversation would get by itself; \"\" for none."`
	By      string `json:"by" enum:"rule,classifier," doc:"What gives it."`
	Rule    int    `json:"rule" doc:"Index of the rule that holds, -1 for none."`
	Guess   Guess  `json:"guess" doc:"What the classifier proposes, whether a rule holds or not."`
}

// Proof is how we know what a customer stated.
type Proof struct {
	Message      uint64 `json:"message,omitempty" doc:"In which it was written."`
	Conversation uint64 `json:"conversation,omitempty" doc:"Of that message; ignored in requests."`
	Form         string `json:"form,omitempty" maxLength:"100" doc:"On which it was chosen."`
	Heard        uint64 `json:"heard,omitempty" doc:"The agent who was told."`
	Note         string `json:"note,omitempty" maxLength:"500" doc:"The customer's words, or the agent's reason."`
}

// Statement is one preference that a customer stated or an agent set.
type Statement struct {
	ID      uint64    `json:"id"`
	Purpose string    `json:"purpose,omitempty" doc:"Absent: every purpose."`
	Channel string    `json:"channel,omitempty" doc:"Absent: every channel."`
	Wish    string    `json:"wish" enum:"prefer,never,quiet"`
	From    int       `json:"from,omitempty" doc:"Minutes after midnight in the customer's time zone: when a preferred channel is good, or when it is quiet."`
	To      int       `json:"to,omitempty"`
	Source  string    `json:"source" enum:"stated,set"`
	By      string    `json:"by" doc:"agent:ID or customer:ID."`
	Name    string    `json:"name,omitempty" doc:"Of that agent."`
	Proof   Proof     `json:"proof"`
	Time    time.Time `json:"time"`
	Ended   time.Time `json:"ended,omitzero" doc:"A later one replaced it, or it was taken back."`
}

// StatementRequest records a preference.
type StatementRequest struct {
	Purpose string `json:"purpose,omitempty" maxLength:"31"`
	Channel string `json:"channel,omitempty" maxLength:"100"`
	Wish    string `json:"wish" enum:"prefer,never,quiet"`
	From    int    `json:"from,omitempty" minimum:"0" maximum:"1439"`
	To      int    `json:"to,omitempty" minimum:"0" maximum:"1439"`
	Source  string `json:"source" enum:"stated,set"`
	Proof   Proof  `json:"proof,omitzero" doc:"Needed for what was stated; who calls has heard it where nothing else is said."`
}

// Evidence is a message that behaviour was learned from.
type Evidence struct {
	Message      uint64    `json:"message"`
	Conversation uint64    `json:"conversation"`
	Time         time.Time `json:"time"`
	Channel      string    `json:"channel"`
	Direction    string    `json:"direction" enum:"in,out"`
	Purpose      string    `json:"purpose,omitempty"`
	Answered     bool      `json:"answered,omitempty"`
	Seconds      int64     `json:"seconds,omitempty" doc:"Until the answer."`
	Failed       bool      `json:"failed,omitempty"`
	Preview      string    `json:"preview,omitempty"`
}

// Habit is what behaviour shows of one channel. Counts are weighted: recent ones
// count more.
type Habit struct {
	Channel    string     `json:"channel"`
	Reached    float64    `json:"reached" doc:"Messages of ours that wanted an answer."`
	Replied    float64    `json:"replied"`
	Median     int64      `json:"median" doc:"Seconds until an answer; -1 without any."`
	Chosen     float64    `json:"chosen" doc:"Times the customer began here or came over to it."`
	Failed     float64    `json:"failed"`
	Score      float64    `json:"score"`
	Confidence float64    `json:"confidence"`
	BestFrom   int        `json:"best_from" doc:"The hours in which the customer mostly writes here, in their time zone; -1 if little is known."`
	BestTo     int        `json:"best_to"`
	Days       []float64  `json:"days" doc:"By weekday, Sunday first."`
	Evidence   []Evidence `json:"evidence,omitempty"`
}

// Verdict is what is to be said of one way to reach a customer.
type Verdict struct {
	Channel    string     `json:"channel"`
	Account    string     `json:"account"`
	Handle     string     `json:"handle"`
	Address    string     `json:"address"`
	Blocked    string     `json:"blocked,omitempty" doc:"Why nothing can be sent there now."`
	Source     string     `json:"source,omitempty" enum:"stated,set,learned," doc:"What it stands on; absent if nothing speaks for or against it."`
	Wish       string     `json:"wish,omitempty" enum:"prefer,never,"`
	Confidence float64    `json:"confidence"`
	Statement  *Statement `json:"statement,omitempty"`
	Habit      *Habit     `json:"habit,omitempty"`
}

// QuietHours are when a customer wants nothing.
type QuietHours struct {
	From  int       `json:"from"`
	To    int       `json:"to"`
	Now   bool      `json:"now"`
	Until time.Time `json:"until,omitzero" doc:"When they end, if it is now."`
}

// Advice answers: for this purpose, when and how is this person reached best?
type Advice struct {
	Customer uint64      `json:"customer"`
	Purpose  string      `json:"purpose,omitempty"`
	Best     *Verdict    `json:"best,omitempty" doc:"Absent if nothing speaks for a channel."`
	Steer    bool        `json:"steer" doc:"A composer starts there: it was stated or set, or behaviour shows it clearly."`
	Ways     []Verdict   `json:"ways" doc:"Best first."`
	Quiet    *QuietHours `json:"quiet,omitempty"`
	Language string      `json:"language,omitempty"`
	TimeZone string      `json:"time_zone,omitempty"`
}

// PreferenceCell is one place of a customer's matrix.
type PreferenceCell struct {
	Purpose    string  `json:"purpose" doc:"\"\" is every purpose."`
	Channel    string  `json:"channel"`
	Wish       string  `json:"wish,omitempty" enum:"prefer,never,"`
	Source     string  `json:"source,omitempty" enum:"stated,set,learned,"`
	Statement  uint64  `json:"statement,omitempty" doc:"That decides, if one does."`
	Confidence float64 `json:"confidence"`
	Habit      *Habit  `json:"habit,omitempty"`
}

// CustomerPreferences are all that is known of how a customer wants to be reached.
type CustomerPreferences struct {
	Customer   uint64           `json:"customer"`
	Channels   []string         `json:"channels" doc:"That lead to the customer, or are spoken of."`
	Cells      []PreferenceCell `json:"cells"`
	Statements []Statement      `json:"statements" doc:"What holds, newest first."`
	Former     []Statement      `json:"former" doc:"What held once, newest first."`
	Quiet      *QuietHours      `json:"quiet,omitempty"`
}

// ChoicesLink is the address of the page on which a person chooses how to be reached.
// Whoever has it can choose.
type ChoicesLink struct {
	Path string `json:"path" doc:"Behind the hub's own address."`
}
