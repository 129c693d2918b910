package preference

// filler tells of a feature that says nothing of a matter to a person: an article, a
// conjunction, a greeting. It weighs like any other, since it does little harm
// there, but no reason given to people names it.
func filler(feature string) bool { return fillers[feature] }

// fillers is an immutable table of features.
var fillers = func() map[string]bool {
	out := map[string]bool{}
	for _, text := range []string{
		// English
		`the and for that this with you your yours are was were have has had not but from they them their there what when where which who will would
		could should can may might about into than then just also been being our ours its his her hers him she all any some very please thanks thank
		hello dear regards kind best here how why did does doing don one out get got let now only other over own same such too yet after again before more most`,
		// German
		`der die das den dem des ein eine einen einem einer eines und oder aber für mit von vom zum zur bei aus auf ist sind war waren wird werden wurde
		haben habe hat hatte ich wir sie ihr ihre ihren ihnen uns unser unsere mein meine mich mir nicht noch nur auch als wie wenn dass daß über unter nach
		vor bis durch gegen ohne bitte danke hallo guten tag liebe lieber herr frau grüße gruß viele kann können soll sollte doch schon sehr hier dort dann`,
		// French
		`les des une est sont était pour par avec sans dans sur sous mais que qui quoi dont vous nous ils elle elles leur leurs mon mes ton tes son ses notre
		nos votre vos pas plus très bien bonjour merci cordialement cela cette ces ont avez avons être avoir fait aussi comme quand`,
		// Spanish
		`los las una unos unas del para por con sin sobre pero que quien como cuando donde está están son era fue ser haber han hay muy más también gracias
		hola saludos usted ustedes nos mis sus nuestro nuestra este esta esto eso desde hasta`,
		// Persian
		`این آن که برای است بود هست نیست شد شده شود باشد می‌شود را با بر تا یا اگر اما هم من شما ما آنها ایشان خود یک هر چه چرا کجا کی دیگر سلام ممنون
		لطفا لطفاً تشکر متشکرم سپاس درود خانم آقای آقا جناب باید هنوز خیلی ولی پس نیز همه می‌کنم کنم کنید کرد کردم دارم داری دارد داریم دارید دارند`,
		// Arabic
		`هذا هذه ذلك التي الذي على إلى عن مع في من كان كانت لكن هل لقد شكرا مرحبا السلام عليكم`,
		// Thai: of what is written without spaces only three letters in a row are known
		`และ ที่ ของ ให้ ได้ ค่ะ คะ ครับ นะคะ แล้ว จะ เป็น ว่า ไหม`,
	} {
		for _, f := range features(text) {
			if readable(f) {
				out[f] = true
			}
		}
	}
	return out
}()
