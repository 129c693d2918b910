package match

import "strings"

// nicknames are groups of given names that one person may use beside each other.
var nicknames = groups(nicknameLines)

const nicknameLines = `
abigail abby gail
alexander alex alec sandy xander sasha
alexandra alex sandra sasha lexi
alfred alf alfie fred
amanda mandy
andrew andy drew
anna ann anne annie nancy
anthony tony
antonio toni tonio
arthur art artie
barbara barb babs
benjamin ben benji benny
bernard bernie
beatrice bea trixie
bradley brad
caroline carol carrie
catherine katherine kathryn katharina cathy kathy kate katie kat kitty
charles charlie chuck chas karl carl
charlotte lottie charlie
christine christina chris tina chrissy kristin
christopher chris kit topher
daniel dan danny
david dave davey
deborah deb debbie debra
dennis denny
dominic dom nick
donald don donnie
dorothy dot dottie
douglas doug
edward ed eddie ted teddy ned
eleanor ellie nell nora
elizabeth elisabeth liz lizzie beth betty eliza lisa bess libby elsie
emily em emmy
eugene gene
florence flo florrie
frances fran fanny francie
francis frank fran
francisco paco pancho frank
franklin frank
frederick fred freddie fritz
gabriel gabe
geoffrey jeffrey geoff jeff
george georgie
gerald gerry jerry
gregory greg
harold harry hal
helen nell nellie
henry harry hank heinrich heinz
isabella isabel bella izzy
jacob jake
jacqueline jackie
james jim jimmy jamie
jane janie jenny
janet jan
jennifer jen jenny
jessica jess jessie
john jack johnny jon johannes hans
jonathan jon jonny
jose pepe
joseph joe joey josef sepp
joshua josh
judith judy
julia julie
katarina katja
kenneth ken kenny
kimberly kim
lawrence laurence larry laurie
leonard leo len lenny
leonardo leo
louis lou lewis
louise lou
lucas luke
madeleine maddie
margaret maggie meg peggy marge margie greta gretchen daisy
maria mary marie mia mitzi
martha marty
martin marty
matthew matt matty
maximilian max
megan meg
melissa mel missy
michael mike mick mickey
michelle shelly
miriam miri
mohammad mohammed muhammad mohamed mo mamad
nathan nate
nathaniel nathan nate nat
nicholas nick nicky klaus nicolas
nicole nicky nikki
olivia liv livvy
oliver ollie
pamela pam
patricia pat patty trish tricia
patrick pat paddy
penelope penny
peter pete
philip phil
rachel rae
raymond ray
rebecca becky becca
reginald reg reggie
richard rick ricky rich dick
robert rob bob bobby robbie bert
roberta bobbie robbie
roger rodge
ronald ron ronnie
rosemary rose rosie
rudolf rudi
russell russ
samantha sam
samuel sam sammy
sarah sara sally sadie
sebastian seb basti
simon si
stanley stan
stephanie steph steffi
stephen steven steve stefan
susan sue susie suzanne susanna
sylvester sly
teresa theresa terry tess tracy
terence terry
theodore ted teddy theo
thomas tom tommy
timothy tim timmy
ursula uschi
valerie val
victor vic
victoria vicky tori
vincent vince vinny
virginia ginny
walter walt wally
wilhelm willi helmut
william will bill billy willy liam
wolfgang wolf
yasaman yasi
zachary zach zack
fatemeh fati fatima
abolfazl abol
alireza ali
amirhossein amir
mohammadreza reza mohammad
gholamreza gholam reza
محمد ممد
محمدرضا محمد رضا
علیرضا علی رضا
امیرحسین امیر
فاطمه فاطی
ابوالفضل ابول
زهرا زری
`

// groups maps each word to the numbers of its lines.
func groups(list string) map[string][]int {
	m := map[string][]int{}
	for n, line := range strings.Split(strings.TrimSpace(list), "\n") {
		for _, w := range strings.Fields(line) {
			m[w] = append(m[w], n)
		}
	}
	return m
}

// titles stand before or after a name and are no part of it.
var titles = set(`
mr mrs ms miss mx dr prof professor sir dame lord lady rev fr hon capt col maj sgt messrs
herr frau hr dipl mme mlle monsieur madame sr sra srta senor senora
jr junior snr senior ii iii iv phd md msc bsc mba esq
khun
آقای آقا خانم دکتر مهندس سید سیده استاد حاج حاجی جناب سرکار
คุณ นาย นาง นางสาว ดร
`)

// thaiTitles are also written without a space, the longest first.
var thaiTitles = []string{"นางสาว", "นาย", "นาง", "คุณ", "ดร"}

// particles join the parts of a family name.
var particles = set(`van von der den de da di du del della la le el al bin ibn ben abu st san ter ten zu zum af av`)

// legalForms of companies are no part of their name.
var legalForms = set(`
ltd limited llc inc incorporated corp corporation co company plc gmbh ag kg ohg ug mbh se sa sas sarl srl spa bv nv ab as oy aps pty pte
group holding holdings international the and
شرکت سهامی خاص عام گروه موسسه
บริษัท จำกัด มหาชน ห้างหุ้นส่วน หจก บจก
`)

// roleNames are local parts of mail addresses that several people read.
var roleNames = set(`
info office contact kontakt hello hi mail post team support help helpdesk service sales shop order orders billing accounts accounting
invoice invoices finance admin administrator webmaster hostmaster postmaster marketing press media jobs hr careers enquiries inquiries
reception booking bookings reservations noreply no-reply donotreply newsletter news customerservice purchasing legal family familie
`)

// freeMail are providers whose domain says nothing of an employer.
var freeMail = set(`
gmail.com googlemail.com yahoo.com yahoo.co.uk ymail.com hotmail.com hotmail.co.uk outlook.com live.com msn.com icloud.com me.com mac.com aol.com
gmx.de gmx.net gmx.at web.de t-online.de freenet.de mail.com mail.ru yandex.ru proton.me protonmail.com zoho.com fastmail.com hey.com
qq.com 163.com 126.com naver.com orange.fr free.fr laposte.net wanadoo.fr libero.it hotmail.fr yahoo.fr btinternet.com comcast.net
verizon.net att.net chmail.ir rocketmail.com
`)

func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}
