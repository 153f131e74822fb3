package setuppages

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/web/portal"
)

// topic is a page of help. It needs no network, no database and no sign-in (N-46).
type topic struct {
	Key, Title string
	Text       []string
	Points     []string
	Parts      []part
	Command    string // by which the same is done
	More       string // file of the documentation that comes with Callbox
}

// part is a part of a page that a link can lead to.
type part struct {
	Key, Title string
	Text       []string
}

// topics are the pages of help, in the order of their list.
func topics() []topic {
	return slices.Concat(deskTopics(), pathTopics(), orgTopics(), accessTopics())
}

// pathTopics are about the steps of a site.
func pathTopics() []topic {
	return []topic{
		{
			Key: "set-up", Title: "From nothing to 911",
			Text: []string{
				"The set-up says how far each site is, what is open, and where 911 goes from there now. It is worked out anew each time, so you can stop anywhere and go on later, and so can a colleague.",
				"Nothing in it keeps a call from going out. While a step is open, 911 goes by the site’s own trunk; a site without one calls by the E911 path all the same.",
			},
			Points:  []string{"The site with the most open steps stands first.", "“Leave for now” keeps all that was saved."},
			Command: "callbox setup", More: "docs/setup.md",
		},
		{
			Key: "site", Title: "The checklist of a site",
			Text:   []string{"Go through the steps from the top. The first open one is unfolded. A step that says “takes time” needs somebody else, or a walk through the building: start it early."},
			Points: []string{"You see and change the sites that you look after.", "Where somebody changed the same thing meanwhile, nothing of yours is done, and the page says so."},
			More:   "docs/setup.md",
		},
		{
			Key: "buildings", Title: "Buildings and places inside them",
			Text: []string{
				"Each street address of the site is a building. The ambulance goes to that door: write it as the city does.",
				"A floor is the least that finds a person inside; a room or a few words find him faster.",
			},
			Points:  []string{"Where nothing can check an address, give its place on the map: latitude, comma, longitude.", "An address that does not exist is refused at the field that is wrong."},
			Command: "callbox import buildings FILE", More: "docs/addresses.md",
		},
		{
			Key: "callback", Title: "The callback number",
			Text:   []string{"When a call is lost, the PSAP calls this number. It must be one of yours that a person answers at every hour: the reception, or the security desk. A menu or a mailbox does not do."},
			Points: []string{"A caller whose own line can be called back is called there first."}, More: "docs/callbacks.md",
		},
		{
			Key: "alerts", Title: "Who is told, and who is there",
			Text: []string{
				"The law asks that somebody on site is told of each 911 call (47 CFR 9.16(b)(2)). A mail counts for that, but it may be read tomorrow.",
				"So each hour of the week needs a screen with sound, a telephone or text messages that somebody attends. A test there, seen by a person, proves it. It counts for 30 days.",
			},
			Points: []string{"Hours are written “always”, or “Mon-Fri 07-18; Sat,Sun 22-06”, in the time zone of the site."}, More: "docs/setup.md",
		},
		{
			Key: "people", Title: "People and telephones",
			Text: []string{
				"A call is known by its number, by the telephone that makes it, or by who is signed in there. Each of these leads to a place: a number that stays has one of its own; a telephone that moves is found by the network map.",
			},
			Points:  []string{"Who is not in the list still reaches 911. The relay centre asks where he is, and the call is charged as unregistered.", "A directory (SCIM, LDAP) keeps the people by itself."},
			Command: "callbox import users FILE", More: "docs/directories.md",
		},
		{
			Key: "network", Title: "The network map",
			Text:    []string{"A device that moves tells what it hangs on: an access point, a switch port, an address. The map says where that is. Telephones that stay where they are need no map; their number has a place."},
			Command: "callbox import elements FILE", More: "docs/discovery-network.md",
		},
		{
			Key: "texts", Title: "Texts to read and accept",
			Text: []string{"Each text says something that you must know before 911 works through Callbox: what calls without a location cost, and what they depend on. Who accepted which version, when, and from where is kept. A new version is to be accepted anew; calls go on meanwhile."}, More: "docs/setup.md",
		},
		{
			Key: "stages", Title: "Stage 933 and stage 911",
			Text: []string{
				"In stage 933 tests take the E911 path, and 911 stays on the site’s own trunk. In stage 911 emergency calls take the E911 path.",
				"Stage 911 asks for all steps before it. Missing tests alone may be passed with a reason, which is kept with your name. Going back is never refused.",
			},
			Command: "callbox setup stage SITE 911", More: "docs/setup.md",
		},
		{
			Key: "tests", Title: "A good 933",
			Text: []string{"933 reads the address and the callback number that a PSAP would get. Dial it from one device of each kind in each building, and listen to the end: a call that was cut short proves nothing."}, More: "docs/setup.md",
		},
	}
}

// orgTopics are about the whole organisation.
func orgTopics() []topic {
	return []topic{
		{Key: "licence", Title: "Licences", Text: []string{"Users in the United States are entitled with their calling licence. Canada needs one that is ordered; the operator of Callbox records it. A licence that ends opens the step again and moves no call."}, Command: "callbox setup licence CA", More: "docs/setup.md"},
		{Key: "roll-out", Title: "The roll-out", Text: []string{"These parts no program sees. Tick them when they are done; who and when is kept, and the tick can be taken back."}, Command: "callbox setup task", More: "docs/setup.md"},
		{
			Key: "opt-out", Title: "Opting out", Text: []string{"Your telephone provider takes 911 and sends the address of the number. Say why, and who takes emergency calls instead. It can be undone: everything stands as before."},
			Command: "callbox setup opt-out --reason TEXT", More: "docs/setup.md",
		},
		{Key: "settings", Title: "Settings", Text: []string{"What is set for the organisation and its sites, on one page. Look through it after each load. Changes are made by the checklist, by spreadsheet or by the world file."}, More: "docs/world-file.md"},
		{
			Key: "secrets", Title: "Company id and secrets",
			Text:   []string{"A platform or a device proves by them that it belongs to you when it asks where it is. A secret is shown once, when it is made."},
			Points: []string{"To change one: make another, give it to the platform, wait until every device has it, then end the old one.", "Where a platform shows other ones, nothing is changed before you agree."}, Command: "callbox setup secrets --make", More: "docs/setup.md",
		},
		{
			Key: "pbx", Title: "Connecting a PBX",
			Text: []string{
				"A PBX is known by a user and a secret that are made here and shown once. It does not register. When it calls, it is asked for them (407, digest) and answers; every PBX can. Then it is known at that address for 30 days, and its emergency calls are taken there without being asked.",
				"So make the first call a 933, from a telephone behind it. A 911 that is the very first call is asked too, and goes on as soon as the PBX answers.",
			},
			Points: []string{
				"To change a secret: make a second one, type it at the PBX, dial 933, and end the first.",
				"A client certificate (TLS) proves the PBX as well. It is pinned with a proof that the PBX has its key.",
				"The operator can be asked to know the PBX by its addresses too. He decides, because an address says whose a call is.",
				"Where PBXs of several organisations call from one address, have each write its user into From, or keep all numbers in the list.",
				"Leave the way to your telephone provider in place: when nothing here answers, 911 should go there.",
			},
			Command: "callbox setup pbx connect pbx-hq --inbound asterisk", More: "docs/trunks.md",
		},
		{Key: "charges", Title: "Charges", Text: []string{"A 911 call of somebody who is not known, from no place that is known, or that a relay centre answered, is unregistered and has a price. To have none: keep the lists of people and the network map in step. 911 goes on whatever is owed."}, Command: "callbox setup charges --month 2026-11", More: "docs/setup.md"},
		{
			Key: "spreadsheets", Title: "Many at once, by a table",
			Text: []string{
				"Take a template, fill it, send it, and look: the page says what would change, whose 911 call would be another, and what is wrong in which row and column. Nothing is changed before you press the button, and then all of it, or nothing.",
				"It goes on while the browser is closed. Where somebody changed the same things after you looked, nothing is done, and you are told what is another.",
			},
			Points: []string{
				"Sites first, then buildings, places inside them, network elements, people, telephones, numbers: what is named comes before what names it.",
				"Rows with a fault refuse the table, unless you let them be left out. You can have them as a file, mend them and send that.",
				"An empty cell leaves what is stored as it is. Rows that are not there are left alone.",
				"Who looks after one site brings in that site’s rows alone.",
			},
			Command: "callbox import buildings FILE", More: "docs/spreadsheets.md",
		},
		{
			Key: "outages", Title: "Outages and user-minutes",
			Text: []string{
				"A provider reports an outage of 911 to the FCC’s NORS that lasts 30 minutes or longer and touches 900,000 user-minutes: the minutes, times the users whose 911 call found no way (47 CFR 4.5, 4.7 and 4.9). This page counts both from what trunks told.",
				"Counted is a time in which no trunk that leads from a site to a PSAP, a 911 carrier or its own line answered. Users are those that are registered at the site now. A person decides what is reported.",
			},
			Command: "callbox setup outages --month 2026-11", More: "docs/setup.md",
		},
	}
}

// Help serves the pages of help. They need no desk: they are there whatever is away.
type Help struct {
	frame func(title string) portal.Frame
	log   *slog.Logger
}

// NewHelp makes the pages.
func NewHelp(frame func(title string) portal.Frame, log *slog.Logger) *Help {
	return &Help{frame, log}
}

// Mount adds the pages to a router.
func (h *Help) Mount(r chi.Router) {
	r.Get("/help", h.serve)
	r.Get("/help/{topic}", h.serve)
}

// serve serves a page of help, or the list of them.
func (h *Help) serve(w http.ResponseWriter, r *http.Request) {
	key, all := chi.URLParam(r, "topic"), topics()
	i := slices.IndexFunc(all, func(t topic) bool { return t.Key == key })
	status, shown := http.StatusOK, helpList(h.frame("Help – Callbox"), all)
	switch {
	case i >= 0:
		shown = helpPage(h.frame(all[i].Title+" – Callbox"), all[i])
	case key != "":
		status = http.StatusNotFound
		shown = portal.Message(h.frame("Help – Callbox"), "No such page of help", []string{"All pages of help are at /help."}, "")
	}
	var b bytes.Buffer
	if err := shown.Render(r.Context(), &b); err != nil {
		h.log.ErrorContext(r.Context(), "a page of help could not be made", "path", r.URL.Path, obs.Err(err))
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
