package twilio

import (
	"strconv"
	"time"

	"throughline/connectors"
)

// meaning is what one of Twilio's error codes means for us. The codes are those
// of www.twilio.com/docs/api/errors, the words are ours: what happened, and what
// to do about it where something can be done. A code that is not in the table is
// shown with the provider's own words.
type meaning struct {
	words string
	class connectors.Class // of a refused Send
	after time.Duration    // for Retry
	// lasting tells that a message which failed with this code later would fail
	// again.
	lasting bool
	dead    bool // the number itself takes no messages
}

const (
	soon = time.Minute
	day  = 24 * time.Hour
)

func retry(after time.Duration, words string) meaning {
	return meaning{words: words, class: connectors.Retry, after: after}
}

func reject(words string) meaning {
	return meaning{words: words, class: connectors.Reject, lasting: true}
}

// dead is a number that takes no messages of ours, whatever is in them.
func dead(words string) meaning {
	return meaning{words: words, class: connectors.Reject, lasting: true, dead: true}
}

// passing is a message that failed and may well come through another time; sent
// again by a person, not by us.
func passing(words string) meaning { return meaning{words: words, class: connectors.Reject} }

func account(words string) meaning {
	return meaning{words: words, class: connectors.AccountFault, lasting: true}
}

func optedOut(words string) meaning {
	return meaning{words: words, class: connectors.OptOut, lasting: true}
}

// codes is the table of Twilio's error codes that sending can meet.
var codes = map[int]meaning{
	11200: passing("Twilio could not fetch a file of the message from us; check that the public address is reachable from the internet"),
	11205: passing("Twilio could not connect to us to fetch a file of the message; check the public address"),
	11751: reject("a file of the message is larger than Twilio takes"),
	12300: reject("a file of the message is of a type that Twilio does not take"),

	20003: account("Twilio refuses the credentials; check account SID and auth token, or the API key and its secret"),
	20005: account("the Twilio account is not active: it is suspended or closed; look at the Twilio Console"),
	20006: account("the Twilio account may not do this; check the permissions of the API key"),
	20008: account("these are Twilio's test credentials, with which nothing is sent; use the live ones"),
	20403: account("the Twilio account may not do this; check the permissions of the API key"),
	20404: account("Twilio knows no such account; check the account SID, and the address of the API if it is another region's"),
	20429: retry(time.Second, "too many requests at once for Twilio; it is tried again"),

	21211: dead("the number is not one that Twilio can send to; check it, with the country code"),
	21212: account("Twilio does not know the sender of this account; check the number in its settings"),
	21214: reject("the number cannot be reached from Twilio"),
	21217: dead("this is not a phone number"),
	21265: reject("a text cannot be sent to a short code"),
	21266: reject("sender and recipient are the same number"),
	21267: account("a trial account cannot send from a sender of letters; upgrade the Twilio account or use a number"),
	21268: reject("this is a number for premium services or information; it takes no texts"),
	21401: account("the sender of this account is no number that Twilio can send from; check its settings"),
	21408: reject("the Twilio account may not send to this country; allow it in the Console under Messaging, Geo permissions"),
	21601: account("the sender of this account cannot send texts; choose a number with SMS"),
	21602: reject("the message has no text"),
	21603: account("the account has no sender; check its settings"),
	21604: reject("the message has no recipient"),
	21605: reject("the text is longer than Twilio takes (1600 characters)"),
	21606: account("the sender of this account cannot send texts, or belongs to another Twilio account; check its settings"),
	21607: account("a trial account can send only from the number it was given; check the sender"),
	21608: reject("a trial account can send only to numbers that are verified in the Twilio Console"),
	21609: account("Twilio cannot use the public address of the hub for delivery reports; it needs a host name without underscores"),
	21610: optedOut("the recipient has replied STOP to this sender; only a START from them allows messages again"),
	21611: retry(soon, "the queue of this sender at Twilio is full; it is tried again"),
	21612: reject("Twilio cannot send to this number from this sender; try another sender, or another channel"),
	21614: dead("this is not a mobile number; a text cannot reach it"),
	21616: account("several senders of the Twilio account match the one in the settings; write the number in full, with plus and country code"),
	21617: reject("the text is longer than Twilio takes (1600 characters)"),
	21618: reject("Twilio does not accept the text of the message"),
	21619: reject("the message has neither text nor a file"),
	21620: reject("Twilio cannot use the address of a file; check that the public address of the hub is right"),
	21621: reject("this sender cannot send files; send the text alone or use a number with MMS"),
	21622: reject("the Twilio account is not allowed to send files; send the text alone, or ask Twilio to enable MMS"),
	21623: reject("the message has more files than Twilio takes (10)"),
	21635: dead("this is a landline; a text cannot reach it"),
	21654: reject("the message names a template without saying which"),
	21655: reject("Twilio does not know the template; it may have been deleted"),
	21656: reject("the gaps of the template are not filled as it wants: no value may be empty, or hold a line break or a tab"),
	21658: reject("the text, or a value in a gap of the template, is longer than 1600 characters"),
	21659: account("the sender of this account is no Twilio number, or a short code of another country; check its settings"),
	21660: account("the sender of this account belongs to another Twilio account; check account SID and sender"),
	21661: account("the sender of this account cannot send texts; choose a number with SMS"),
	21701: account("Twilio does not know the messaging service; check its SID"),
	21703: account("the messaging service has no sender; add a number to it in the Twilio Console"),
	21704: account("the messaging service has no sender; add a number to it in the Twilio Console"),
	21705: account("Twilio does not know the messaging service; check its SID"),
	21712: account("the sender is not part of the messaging service; add it there or leave one of the two out"),
	21910: reject("the sender is of one channel and the recipient of another"),

	30001: passing("too many messages were sent at once and Twilio's queue was full; send it again"),
	30002: account("the Twilio account was suspended before the message left; look at the Twilio Console"),
	30003: passing("the phone cannot be reached: switched off, out of coverage, or no longer in use"),
	30004: dead("the recipient or their carrier blocks messages from this sender"),
	30005: dead("the number does not exist or is no longer in use"),
	30006: dead("this is a landline, or its carrier takes no texts"),
	30007: passing("the carrier or Twilio filtered the message as unwanted; change its wording, and check the registration of the sender"),
	30008: passing("the carrier did not deliver the message and gave no reason"),
	30009: passing("a part of the message was lost on its way"),
	30010: passing("the message would have cost more than the limit that is set at Twilio"),
	30011: reject("files cannot be sent to the recipient's country or carrier; send the text alone"),
	30012: passing("the message was not delivered in the time it was valid"),
	30017: passing("the carrier's network is overloaded; send it again later"),
	30018: account("this sender has to be registered with the recipient's carrier first; see the Twilio Console"),
	30019: reject("the files are larger than the recipient's carrier takes"),
	30022: passing("more was sent than the US carriers allow this sender at a time; send it again later"),
	30023: passing("the daily limit of this sender for US carriers is used up; send it again tomorrow"),
	30024: account("the sender is not set up for the recipient's country"),
	30027: passing("the daily limit of this sender at T-Mobile is used up; send it again tomorrow"),
	30032: account("the toll-free number is not verified; verify it in the Twilio Console"),
	30033: account("the registration (A2P campaign) of this sender is suspended; see the Twilio Console"),
	30034: account("the sender is not registered for business texts in the USA (A2P 10DLC); register it in the Twilio Console"),
	30035: account("the registration of this sender with US carriers is not finished"),
	30036: passing("the message waited longer at Twilio than it was valid"),
	30038: passing("the message looks like a one-time password and was stopped"),
	30039: reject("two automatic senders seem to answer each other; Twilio stopped it"),
	30040: account("the sender is not registered in the recipient's country"),
	30044: reject("a trial account may not send a text of this length"),
	30410: passing("Twilio's partner did not answer in time; send it again"),
	30450: passing("Twilio stopped the message because numbers like this one are being misused; such blocks last half an hour, then send it again"),
	30453: passing("Twilio stopped the message because numbers like this one are being misused; such blocks last some hours, then send it again"),

	63001: account("WhatsApp refuses the credentials that Twilio has for this sender; see the Twilio Console"),
	63002: account("WhatsApp does not know this sender; check its number and whether it is online in the Twilio Console"),
	63003: reject("the number has no WhatsApp, or is not written as WhatsApp wants it"),
	63005: reject("WhatsApp does not accept the content of the message"),
	63007: account("Twilio knows no WhatsApp sender with this number; check the number in the settings"),
	63008: passing("the channel reported that the sender is not set up rightly at Twilio; look at it in the Twilio Console"),
	63010: passing("Twilio reported an error of its own; send it again"),
	63012: passing("WhatsApp was not available; send it again"),
	63013: reject("the message breaks a rule of WhatsApp"),
	63014: reject("the recipient has blocked this sender"),
	63015: reject("the recipient has not joined the sandbox of this number"),
	63016: reject("more than 24 hours have passed since the person last wrote; WhatsApp now takes only an approved template"),
	63018: passing("WhatsApp limits how fast this sender may write; send it again later"),
	63019: reject("WhatsApp could not fetch a file of the message; check its type and size"),
	63020: account("the business account at Meta has a problem; look at the WhatsApp sender in the Twilio Console"),
	63021: reject("WhatsApp does not accept the content of the message"),
	63023: passing("WhatsApp reported an error of its own; send it again"),
	63024: reject("the number has no WhatsApp account"),
	63025: reject("WhatsApp already has this file under another name"),
	63027: reject("the template does not exist in this language"),
	63028: reject("the template has another number of gaps than were filled"),
	63029: passing("the person's phone could not load the template; send it again later"),
	63030: reject("WhatsApp does not know a part of this message"),
	63031: reject("sender and recipient are the same number"),
	63032: passing("WhatsApp does not deliver this message to this person, perhaps because of a limit of its own"),
	63033: reject("the recipient has blocked this sender"),
	63036: passing("the number cannot be reached over this channel at the moment"),
	63038: retry(day/2, "the account has sent as many messages today as Twilio allows it; it is tried again later"),
	63040: reject("WhatsApp has rejected the template"),
	63041: passing("WhatsApp has paused the template because of its quality"),
	63042: reject("WhatsApp has disabled the template for good because of its quality"),
	63049: passing("WhatsApp did not deliver this marketing message, to spare the person; do not send it again at once"),
	63051: account("WhatsApp has locked the business account; see the Meta Business Manager"),
}

// docs is where Twilio explains a code.
const docs = "https://www.twilio.com/docs/api/errors/"

// explain puts a code into words. said is what the provider wrote, if anything.
func explain(code int, said string) string {
	switch m := codes[code]; {
	case m.words != "":
		return m.words
	case said != "":
		return said
	case code != 0:
		return "Twilio reports the error " + strconv.Itoa(code) + "; see " + docs + strconv.Itoa(code)
	}
	return "Twilio gives no reason"
}

func codeText(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}
