package demo

// called is one thing that customers call about. The texts have the placeholders
// of a matter.
type called struct {
	key     string   // of the menu
	says    []string // to whoever takes the call
	message string   // to the machine
}

// What is said on the line. Only English is written down by the provider.
func englishCalls() []called {
	return []called{
		{key: "1", says: []string{
			"Hello, {name} here. I have been waiting for order {order} since {day}.",
			"It says out for delivery, but nobody has come.",
			"All right, then I wait until this evening. Thank you!",
		}, message: "Hello, this is {name}. I am calling about order {order}. The van did not come today. Please call me back."},
		{key: "2", says: []string{
			"Hi, my {model} makes a clicking noise on every turn of the pedals.",
			"No, the chain is new. I think it comes from the bottom bracket.",
			"{day} morning is fine. See you then.",
		}, message: "Hi, {name} speaking. My {model} clicks on every turn of the pedals, and it is getting worse. Could I bring it in on {day}?"},
		{key: "1", says: []string{
			"Good morning. Do you have the {part} for a {model} in stock?",
			"Wonderful. Could you put one aside under the name {name}?",
		}, message: "Good morning, {name} here. I would like to know whether you have a {part} for a {model}. You can reach me all afternoon."},
		{key: "2", says: []string{
			"Hello, I got your text. Is the {model} really ready already?",
			"Then I come by after work. What does it cost?",
			"That is fair. Until later.",
		}, message: "Hello, {name} again. I got your text but cannot come today. Is it all right if I collect the {model} on {day}?"},
	}
}
