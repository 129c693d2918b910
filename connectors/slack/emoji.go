package slack

import "strings"

// shortcodes are Slack's names of the emoji that people use most; all others,
// and those of a workspace's own, stay as they are written.
var shortcodes = map[string]string{
	"+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "ok_hand": "👌", "clap": "👏", "pray": "🙏", "wave": "👋",
	"raised_hands": "🙌", "raised_hand": "✋", "muscle": "💪", "point_up": "☝️", "point_right": "👉", "point_left": "👈", "point_down": "👇",
	"handshake": "🤝", "crossed_fingers": "🤞", "v": "✌️", "fist": "✊", "writing_hand": "✍️", "eyes": "👀", "saluting_face": "🫡",
	"smile": "😄", "smiley": "😃", "grinning": "😀", "grin": "😁", "laughing": "😆", "satisfied": "😆", "sweat_smile": "😅", "joy": "😂",
	"rolling_on_the_floor_laughing": "🤣", "blush": "😊", "slightly_smiling_face": "🙂", "upside_down_face": "🙃", "wink": "😉",
	"relieved": "😌", "heart_eyes": "😍", "kissing_heart": "😘", "yum": "😋", "stuck_out_tongue": "😛", "stuck_out_tongue_winking_eye": "😜",
	"sunglasses": "😎", "hugging_face": "🤗", "hugs": "🤗", "thinking_face": "🤔", "neutral_face": "😐", "expressionless": "😑",
	"no_mouth": "😶", "smirk": "😏", "unamused": "😒", "face_with_rolling_eyes": "🙄", "grimacing": "😬", "lying_face": "🤥",
	"pensive": "😔", "sleepy": "😪", "sleeping": "😴", "mask": "😷", "face_with_thermometer": "🤒", "nauseated_face": "🤢", "dizzy_face": "😵",
	"confused": "😕", "worried": "😟", "slightly_frowning_face": "🙁", "white_frowning_face": "☹️", "open_mouth": "😮", "hushed": "😯",
	"astonished": "😲", "flushed": "😳", "pleading_face": "🥺", "fearful": "😨", "cold_sweat": "😰", "cry": "😢", "sob": "😭", "scream": "😱",
	"disappointed": "😞", "sweat": "😓", "weary": "😩", "tired_face": "😫", "triumph": "😤", "rage": "😡", "angry": "😠",
	"facepalm": "🤦", "shrug": "🤷", "exploding_head": "🤯", "partying_face": "🥳", "star-struck": "🤩", "melting_face": "🫠", "robot_face": "🤖",
	"heart": "❤️", "orange_heart": "🧡", "yellow_heart": "💛", "green_heart": "💚", "blue_heart": "💙", "purple_heart": "💜", "black_heart": "🖤",
	"broken_heart": "💔", "two_hearts": "💕", "sparkling_heart": "💖", "100": "💯", "fire": "🔥", "sparkles": "✨", "star": "⭐", "star2": "🌟",
	"zap": "⚡", "boom": "💥", "tada": "🎉", "confetti_ball": "🎊", "balloon": "🎈", "gift": "🎁", "trophy": "🏆", "rocket": "🚀",
	"white_check_mark": "✅", "heavy_check_mark": "✔️", "ballot_box_with_check": "☑️", "x": "❌", "negative_squared_cross_mark": "❎",
	"warning": "⚠️", "no_entry": "⛔", "no_entry_sign": "🚫", "question": "❓", "exclamation": "❗", "bangbang": "‼️", "rotating_light": "🚨",
	"red_circle": "🔴", "large_green_circle": "🟢", "large_yellow_circle": "🟡", "large_blue_circle": "🔵", "hourglass": "⌛",
	"hourglass_flowing_sand": "⏳", "alarm_clock": "⏰", "stopwatch": "⏱️", "calendar": "📆", "date": "📅", "phone": "☎️", "telephone_receiver": "📞",
	"iphone": "📱", "computer": "💻", "email": "✉️", "envelope": "✉️", "incoming_envelope": "📨", "inbox_tray": "📥", "outbox_tray": "📤",
	"package": "📦", "truck": "🚚", "moneybag": "💰", "credit_card": "💳", "receipt": "🧾", "chart_with_upwards_trend": "📈",
	"chart_with_downwards_trend": "📉", "bar_chart": "📊", "memo": "📝", "pencil": "📝", "pencil2": "✏️", "page_facing_up": "📄", "paperclip": "📎",
	"pushpin": "📌", "round_pushpin": "📍", "bookmark": "🔖", "link": "🔗", "lock": "🔒", "unlock": "🔓", "key": "🔑", "mag": "🔍", "bulb": "💡",
	"wrench": "🔧", "hammer": "🔨", "gear": "⚙️", "bug": "🐛", "bell": "🔔", "no_bell": "🔕", "speech_balloon": "💬", "thought_balloon": "💭",
	"arrow_right": "➡️", "arrow_left": "⬅️", "arrow_up": "⬆️", "arrow_down": "⬇️", "arrows_counterclockwise": "🔄", "heavy_plus_sign": "➕",
	"heavy_minus_sign": "➖", "information_source": "ℹ️", "sunny": "☀️", "cloud": "☁️", "umbrella": "☔", "snowflake": "❄️", "rainbow": "🌈",
	"coffee": "☕", "beer": "🍺", "beers": "🍻", "champagne": "🍾", "pizza": "🍕", "cake": "🍰", "birthday": "🎂", "apple": "🍎", "rose": "🌹",
	"sunflower": "🌻", "tulip": "🌷", "four_leaf_clover": "🍀", "dog": "🐶", "cat": "🐱", "unicorn_face": "🦄", "see_no_evil": "🙈",
	"skull": "💀", "ghost": "👻", "poop": "💩", "hankey": "💩", "house": "🏠", "office": "🏢", "airplane": "✈️", "car": "🚗", "bike": "🚲",
	"one": "1️⃣", "two": "2️⃣", "three": "3️⃣", "heavy_dollar_sign": "💲", "soccer": "⚽", "musical_note": "🎵", "camera": "📷", "movie_camera": "🎥",
}

// tones are the skin tones that may follow an emoji.
var tones = map[string]string{
	"skin-tone-2": "🏻", "skin-tone-3": "🏼", "skin-tone-4": "🏽", "skin-tone-5": "🏾", "skin-tone-6": "🏿",
}

// emoji is the character of a name, or the name between colons. The name may
// have a skin tone: "wave::skin-tone-2".
func emoji(name string) string {
	base, tone, _ := strings.Cut(name, "::")
	c, ok := shortcodes[base]
	if !ok {
		return ":" + name + ":"
	}
	return strings.TrimSuffix(c, "\ufe0f") + toneOr(tone, c)
}

// toneOr is a skin tone, or what the emoji ended with.
func toneOr(tone, c string) string {
	if t := tones[tone]; t != "" {
		return t
	}
	if strings.HasSuffix(c, "\ufe0f") {
		return "\ufe0f"
	}
	return ""
}

// isASCIIWord guards what only looks like an emoji, such as "12:100:30".
func isASCIIWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// maxName is the longest name of an emoji that is looked for.
const maxName = 100

// emojis replaces the names of emoji in a text.
func emojis(s string) string {
	if strings.Count(s, ":") < 2 {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			break
		}
		end := strings.IndexByte(s[i+1:min(len(s), i+maxName)], ':')
		if end < 0 {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		name := s[i+1 : i+1+end]
		c, known := shortcodes[name]
		if !known || i > 0 && isASCIIWord(s[i-1]) {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i])
		s = s[i+end+2:]
		tone := ""
		for t := range tones {
			if strings.HasPrefix(s, ":"+t+":") {
				tone = t
				s = s[len(t)+2:]
			}
		}
		b.WriteString(strings.TrimSuffix(c, "\ufe0f") + toneOr(tone, c))
	}
	b.WriteString(s)
	return b.String()
}
