package demo

// What is texted, in each language: shorter than mail, and without greeting.

func englishTexts() texting {
	return texting{phone: texts,
		matters: []short{
			{tag: "pickup", ask: []string{"Hi, is my {model} ready to be picked up? Order {order}"},
				turns: []string{"It is! We are here until six today, and from nine tomorrow.", "Great, see you tomorrow then.", "Until tomorrow!"},
				then:  "Perfect. Can my brother collect it with my ID?"},
			{tag: "delivery", ask: []string{"Your van is outside number 12. I am at number 21!", "He is driving off 😅"},
				turns: []string{"I have the driver on the phone, he is turning round. Two minutes.", "He is here. That was quick, thanks 👍"},
				then:  "Thanks! I am waving at him now.", priority: "high"},
			{tag: "test ride", ask: []string{"Can I still come for a test ride of the {model} on {day}? Around 4?"},
				turns: []string{"Four o'clock on {day} is free and now yours. Bring a helmet if you have one.", "Will do 🚲"},
				then:  "Super. Is there somewhere to leave a pram?"},
			{tag: "damage", ask: []string{"Just unpacked it. Is this scratch something you can fix?"}, photo: true,
				turns: []string{"Oh no. Yes, that is a job of ten minutes with touch-up paint. We can send it, or you come by.", "Please send it, {color} as ordered.", "It goes out today."},
				then:  "I'd rather come by. Is Saturday morning OK?"},
			{tag: "service", ask: []string{"Running late for my service, 8:20 instead of 8. Sorry!"},
				turns: []string{"No problem, coffee is on.", "You are the best."},
				then:  "Thank you! I'm at the lights."},
			{tag: "warranty", ask: []string{"The {part} just came off in my hand. Photo below.", "Bought it in spring, order {order}"}, photo: true,
				turns: []string{"That must not happen. A new one leaves today, free of charge. Is your address still the same?", "Still the same. Thank you!", "Then it is with you by {day}."},
				then:  "Yes, same address. How long will it take?"},
			{tag: "parts", ask: []string{"Do you have a {part} for a {model} in the shop right now?"},
				turns: []string{"Two of them. Shall I put one aside for you?", "Yes please, I come after work."},
				then:  "Yes please! What does it cost?"},
			{tag: "opening hours", ask: []string{"Are you open on {day}?"},
				turns: []string{"We are, nine to six.", "👍"},
				then:  "Good. And is the workshop open too?"},
		},
		closings: []string{
			"The {model} is here and it is beautiful. Thank you all!",
			"Picked it up yesterday. Rides like new. Greetings to the workshop!",
			"Parcel has arrived, the {part} fits.",
			"The driver rang half an hour before, as promised. Thanks!",
			"Refund is on my card. That was fast.",
			"400 km done, not a sound from the bottom bracket any more 😀",
			"My neighbour will call you about a {model}. I could not stop talking about mine.",
			"Found the key under the saddle bag. Please forget my call 🙈",
		},
		thanks: []string{"Thanks!", "👍", "Great, that helps.", "OK, will do.", "Perfect, thank you 🙏", "Sorry, before or after the weekend?", "Wonderful. Have a nice day!", "Got it."},
		nudges: []string{"Hello? Anybody there?", "Any news?", "No rush, just checking", "I can also be reached by mail, if that is easier"},
		ours:   []string{"Let me ask the workshop, one moment.", "Done! You will get a text when it leaves.", "Thanks for telling us.", "You are welcome, any time."},
	}
}

func persianTexts() texting {
	return texting{phone: whatsApp,
		matters: []short{
			{tag: "pickup", ask: []string{"سلام، دوچرخهٔ {model} من آماده است؟", "سفارش {order}"},
				turns: []string{"سلام، بله آماده است. امروز تا ساعت شش هستیم.", "عالی، عصر می‌آیم.", "منتظرتان هستیم."},
				then:  "خیلی خوب. برادرم می‌تواند تحویل بگیرد؟"},
			{tag: "damage", ask: []string{"این خط روی بدنه قابل تعمیر است؟"}, photo: true,
				turns: []string{"بله، با رنگ ترمیمی در ده دقیقه درست می‌شود. بفرستیم یا سر می‌زنید؟", "لطفاً بفرستید، رنگ {color}.", "امروز ارسال می‌شود."},
				then:  "ترجیح می‌دهم بیایم. شنبه صبح خوب است؟"},
			{tag: "delivery", ask: []string{"راننده گفت امروز می‌رسد، هنوز خبری نیست"},
				turns: []string{"با راننده صحبت کردم، تا یک ساعت دیگر می‌رسد.", "رسید، ممنون 🙏"},
				then:  "ممنون. لطفاً بگویید پیش از رسیدن زنگ بزند."},
			{tag: "service", ask: []string{"برای {day} وقت سرویس دارید؟"},
				turns: []string{"بله، ساعت ده صبح برایتان نوشتم.", "دستتان درد نکند."},
				then:  "خوب است. حدوداً چقدر طول می‌کشد؟"},
		},
		closings: []string{
			"دوچرخه رسید، عالی است. از همه ممنونم!",
			"{part} رسید و کاملاً اندازه است.",
			"مبلغ به حسابم برگشت. چه سریع!",
		},
		thanks: []string{"ممنون 🙏", "عالی", "باشه، حتماً.", "خیلی لطف کردید.", "متوجه نشدم، صبح یا عصر؟", "👍"},
		nudges: []string{"سلام، کسی هست؟", "خبری نشد؟", "عجله‌ای نیست، فقط خواستم بپرسم"},
		ours:   []string{"یک لحظه، از کارگاه می‌پرسم.", "انجام شد. موقع ارسال خبرتان می‌کنیم.", "خواهش می‌کنم."},
	}
}

func thaiTexts() texting {
	return texting{phone: whatsApp,
		matters: []short{
			{tag: "damage", ask: []string{"เพิ่งแกะกล่อง รอยนี้ซ่อมได้ไหมครับ"}, photo: true,
				turns: []string{"ได้ค่ะ ใช้สีแต้มสิบนาทีก็เสร็จ ให้ส่งไปหรือสะดวกแวะมาคะ", "ส่งมาเลยครับ ขอ{color}", "ส่งให้วันนี้ค่ะ"},
				then:  "ขอแวะไปดีกว่าครับ วันเสาร์เช้าได้ไหมครับ"},
			{tag: "pickup", ask: []string{"สวัสดีครับ {model} เสร็จหรือยังครับ", "คำสั่งซื้อ {order}"},
				turns: []string{"เสร็จแล้วค่ะ วันนี้ร้านเปิดถึงหกโมงเย็นค่ะ", "เดี๋ยวเย็นนี้เข้าไปครับ", "แล้วพบกันค่ะ"},
				then:  "ดีเลยครับ ให้น้องชายไปรับแทนได้ไหมครับ"},
			{tag: "delivery", ask: []string{"คนส่งบอกว่าจะถึงวันนี้ ยังไม่เห็นเลยครับ"},
				turns: []string{"โทรถามคนขับแล้วค่ะ อีกประมาณหนึ่งชั่วโมงถึงค่ะ", "มาแล้วครับ ขอบคุณครับ 🙏"},
				then:  "ขอบคุณครับ รบกวนให้โทรมาก่อนถึงนะครับ"},
			{tag: "service", ask: []string{"{day}มีคิวตรวจเช็คไหมครับ"},
				turns: []string{"มีค่ะ สิบโมงเช้า จองให้แล้วนะคะ", "ขอบคุณครับ"},
				then:  "ดีครับ ใช้เวลาประมาณเท่าไรครับ"},
		},
		closings: []string{
			"จักรยานมาถึงแล้ว สวยมาก ขอบคุณทุกคนครับ",
			"ได้รับ{part}แล้ว ใส่ได้พอดีเลยครับ",
			"เงินคืนเข้าบัญชีแล้วครับ เร็วมาก",
		},
		thanks: []string{"ขอบคุณครับ 🙏", "เยี่ยมเลยครับ", "โอเคครับ", "เข้าใจแล้วครับ", "เช้าหรือบ่ายครับ", "👍"},
		nudges: []string{"มีใครอยู่ไหมครับ", "มีความคืบหน้าไหมครับ", "ไม่รีบนะครับ แค่สอบถามดู"},
		ours:   []string{"ขอถามช่างสักครู่นะคะ", "เรียบร้อยแล้วค่ะ ส่งเมื่อไรจะแจ้งให้ทราบนะคะ", "ยินดีค่ะ"},
	}
}
