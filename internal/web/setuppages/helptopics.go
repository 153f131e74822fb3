package setuppages

// deskTopics are about calls, and about what is one's own.
func deskTopics() []topic {
	return []topic{
		{
			Key: "calls", Title: "The board of calls",
			Text: []string{
				"Calls to 911 and 933 stand here from the moment they arrive: who called, from where, which PSAP answered, who was told. A new 911 call opens by itself. Nobody has to answer it here: the PSAP does.",
				"The board goes on while the database is away; older calls come back with it.",
			},
			Points: []string{"“Live” means that changes come by themselves. “Not live”: load the page again, and look at calls by telephone meanwhile.", "The sound has to be switched on in each browser: none plays any before."},
			Parts: []part{
				{"lists", "Two lists, side by side", []string{"People and numbers on the platform and here, where they differ. Who stands there and not here makes unregistered calls."}},
				{"tests", "Tests of who is told", []string{"A band that says TEST, no emergency, waits for somebody to press it. That proves for 30 days that a person attends this screen. The link in a mail or webhook does the same. It is no call, and steps back while there is one."}},
			},
			More: "docs/operations.md",
		},
		{
			Key: "my", Title: "Your place and 911",
			Text: []string{
				"911 works at once, whatever is open on the page: dial 911. What you say here makes sure that help finds you without asking.",
				"Say where you are when you work somewhere else, at home for example, and by which number you can be called back.",
			},
			Points: []string{"What a directory feeds is shown, and changed there.", "In other countries than the United States and Canada this service is not offered: dial the emergency number of the country you are in, from a telephone of its network."},
			More:   "docs/access.md",
		},
		{
			Key: "profile", Title: "Your profile",
			Text: []string{"How you sign in, where you are signed in, and your organisations. What is changed here asks for a proof that is at most ten minutes old, and a mail tells you of it."},
			Parts: []part{
				{"password", "Password and codes", []string{"A few words that do not belong together are long and easy to remember. With a code of an app, a password that is lost opens nothing. Keep the recovery codes on paper: each works once."}},
				{"passkeys", "Passkeys", []string{"A passkey signs you in without a password, and counts as two proofs when it is unlocked by finger, face or PIN. It belongs to the address of these pages."}},
				{"sessions", "Where you are signed in", []string{"Each browser is listed, with when it was last seen. End those that you do not know, and change your password then. A session lasts twelve hours, and two when it is not used."}},
				{"organisations", "Your organisations", []string{"With roles in several you change between them in the head of each page. A form that was opened under another one is refused, so that nothing lands in the wrong place."}},
			},
			Command: "callbox member credentials ADDRESS", More: "docs/passkeys.md",
		},
	}
}

// accessTopics are about who may do what.
func accessTopics() []topic {
	return []topic{
		{
			Key: "sign-in", Title: "Signing in",
			Text:   []string{"Sign in with your address and password, with a passkey, or where your organisation proves who you are. No call waits for any of it: who cannot sign in can still dial 911."},
			Points: []string{"After eight wrong tries you wait for up to a quarter of an hour. A colleague who is signed in goes on seeing calls."},
			Parts: []part{
				{"invitation", "An invitation", []string{"Its link works once, within a week. Choose a password there. An older one: ask whoever invited you to send it again."}},
				{"password", "A forgotten password", []string{"We send a link to your address. It works once, for an hour. The page says the same whether we know the address or not. Where no mail is sent, the operator makes a link."}},
				{"organisation", "With your organisation", []string{"Type your address; you are led to your organisation’s own sign-in and come back. When that is away, an administrator with break-glass still gets in by password."}},
				{"link", "A one-time link of the security desk", []string{"It is made on the server, works once within 15 minutes, and signs one browser in for twelve hours to see calls. It changes nothing."}},
			},
			Command: "callbox login ORGANISATION", More: "docs/access.md",
		},
		{
			Key: "members", Title: "Members and roles",
			Text:   []string{"Who has which role here. A role holds where it is given, for the whole organisation or one site, and below. The page says each role in a sentence, and has the table."},
			Points: []string{"Many addresses can be invited at once, one on a line.", "The last administrator stays, also when two remove each other at the same moment.", "“The address is not proved”: the role waits until a link reaches that address, by mail or from the operator."}, Command: "callbox member list --org KEY", More: "docs/access.md",
		},
		{
			Key: "support", Title: "Support",
			Text:   []string{"Your partner and the provider see neither your calls nor where people are. Let somebody in for a time, with a reason, when you need help: for at most 30 days, ended earlier by one press."},
			Points: []string{"The page says when support last looked. What support changed says so in the audit trail."}, Command: "callbox member support list", More: "docs/access.md",
		},
		{
			Key: "partners", Title: "Partners and organisations",
			Text: []string{"A partner makes organisations, names the first administrator of each, and helps to set them up. It sees neither calls nor whereabouts unless it is let in by support."},
			Parts: []part{
				{"account", "Asking for an account", []string{"You are answered within two working days, and told by mail at each step. A partner’s id that is not there is said at once."}},
				{"moves", "Moving to another partner", []string{"Both partners and the organisation have to say yes, within 14 days. At that moment the old partner’s roles, support and keys there end. Calls go on as they do."}},
			},
			Command: "callbox member partner", More: "docs/access.md",
		},
		{
			Key: "sign-on", Title: "Sign-on by your own provider",
			Text:   []string{"Your people sign in with the account of their other work: OpenID Connect or SAML 2.0. Register the address that the page shows at your provider, fill in what it gives you, test, and sign in by the link in another browser."},
			Points: []string{"“By the provider alone” needs one sign-in that worked, and an administrator for break-glass.", "Groups can give roles; roles that a person gave stay."}, Command: "callbox sso save --org KEY FILE", More: "docs/sign-on.md",
		},
		{
			Key: "keys", Title: "Keys of programs",
			Text:   []string{"A program shows a key instead of signing in. Give it the scopes that it needs, and no more; its secret is shown once."},
			Points: []string{"To change a key: rotate it, give the program the new one, and end the old one. Both work meanwhile.", "Nobody gives a key a right that he has not."}, Command: "callbox apikey list --org KEY", More: "docs/api.md",
		},
	}
}
