package civic

// box reads "PO Box 5", "RR 2 Box 7", "Rural Route 4", "HC 3", "PSC 4 Box 9",
// "CP 120", "General Delivery", and counts its tokens.
func (p *parser) box(t []token) int {
	n := boxWords(t)
	route := 0
	if n == 0 {
		route = routeWords(t)
		if route == 0 {
			return 0
		}
		n = route
	}
	for n < len(t) && (t[n].text == "#" || t[n].key() == "NO") && !t[n-1].comma {
		n++
	}
	if n < len(t) && !t[n-1].comma && (t[n].hasDigit() || t[n].letter() || len(t[n].text) <= 2) {
		n++
		if n < len(t) && !t[n-1].comma && (t[n].letter() || (route > 0 || !t[n-1].hasDigit()) && t[n].digits()) { // "Drawer CS 198422"
			n++
		}
		if n+1 < len(t) && !t[n-1].comma && t[n].text == "&" && t[n+1].digits() { // "PO Box 12 & 14"
			n += 2
		}
	} else if route > 0 {
		return 0
	}
	if p.c.POBOX != "" && t[0].key()[0] == 'P' && p.c.POBOX[0]|0x20 != 'p' && routeWords(tokens(p.c.POBOX)) == 0 {
		store(&p.c.UNIT, p.c.POBOX) // "Drawer 5, PO Box 12": the drawer is inside
		p.c.POBOX = ""
	}
	store(&p.c.POBOX, join(t[:n]))
	if p.kind == KindNone {
		p.kind = KindMailbox
	}
	return n
}

// boxWords counts the words that begin a post office box.
func boxWords(t []token) int {
	at := func(i int) string {
		if i < len(t) {
			return t[i].key()
		}
		return ""
	}
	switch at(0) {
	case "BOX", "BX", "LB", "LBX", "DRAWER":
		if len(t) > 1 && !t[0].comma && (t[1].hasDigit() || t[1].text == "#" || t[1].letter()) {
			return 1
		}
		if at(1) == "NO" && len(t) > 2 && t[2].hasDigit() && !t[0].comma {
			return 1
		}
		if at(0) == "DRAWER" && len(at(1)) == 2 {
			return 1
		}
	case "R":
		if at(1) == "R" && len(t) > 2 && (t[2].hasDigit() || t[2].text == "#") {
			return 2
		}
		if len(t) > 3 && at(1) == "D" && (t[2].digits() && at(3) == "BOX" || t[2].text == "#") { // "R D 2 Box 5"
			return 2
		}
		if len(t) > 2 && t[1].digits() && at(2) == "BOX" { // "R 1 Box 5"
			return 1
		}
	case "LOCK", "CALLER":
		if (at(1) == "BOX" || at(1) == "BAG" || at(1) == "SERVICE") && len(t) > 2 && t[2].hasDigit() {
			return 2
		}
	case "GPO":
		if at(1) == "BOX" {
			return 2
		}
	case "POBOX", "PO-BOX", "POB", "LOCKBOX", "CASIER":
		if at(0) == "CASIER" && at(1) != "POSTAL" {
			return 0
		}
		if at(0) == "CASIER" {
			return 2
		}
		return 1
	case "CP":
		if len(t) > 1 && t[1].digits() {
			return 1
		}
	case "PO":
		switch at(1) {
		case "BOX", "BX", "BOXES", "B", "DRAWER":
			return 2
		case "LOCK":
			if at(2) == "BOX" {
				return 3
			}
		case "#":
			return 1
		}
		if len(t) > 1 && t[1].digits() {
			return 1
		}
	case "P":
		if at(1) == "O" && (at(2) == "BOX" || at(2) == "DRAWER" || at(2) == "B") {
			return 3
		}
	case "POST":
		if at(1) == "OFFICE" && (at(2) == "BOX" || at(2) == "DRAWER") {
			return 3
		}
		if at(1) == "BOX" {
			return 2
		}
	case "GENERAL", "GEN":
		if at(1) == "DELIVERY" || at(1) == "DEL" {
			return 2
		}
	case "PSC", "CMR":
		if len(t) > 2 && t[1].digits() && at(2) == "BOX" {
			return 3
		}
		if len(t) > 1 && t[1].digits() && (len(t) == 2 || military(t[2:])) {
			return 1
		}
	case "STAR", "SR": // a star route without a number
		if at(0) == "STAR" && (at(1) == "RT" || at(1) == "RTE" || at(1) == "ROUTE") && at(2) == "BOX" {
			return 3
		}
		if at(0) == "SR" && at(1) == "BOX" {
			return 2
		}
	case "UNIT":
		if len(t) > 2 && digits(t[1].text, 4) || digits(at(1), 5) && at(2) == "BOX" {
			if at(2) == "BOX" {
				return 3
			}
		}
	}
	return 0
}

// route reports a mail route behind a street: "RR 1", "Rt 2 Box 12".
func (p *parser) route(t []token) bool {
	if len(t) < 2 {
		return false
	}
	switch t[0].key() {
	case "RR", "RFD":
		return t[1].hasDigit()
	case "RT", "RTE", "ROUTE", "HC", "SR", "RD", "STAR":
		for i := 2; i < len(t) && i < 5; i++ {
			if k := t[i].key(); k == "BOX" || k == "BX" {
				return true
			}
		}
	}
	return false
}

// routeWords counts the words that begin a rural or highway contract route.
func routeWords(t []token) int {
	if len(t) < 2 {
		return 0
	}
	n := 0
	switch t[0].key() {
	case "RR", "RFD", "HC", "HCR", "RD", "SR", "SRA", "STAR", "RTE", "RT", "ROUTE":
		n = 1
		switch t[1].key() {
		case "RTE", "ROUTE", "RT":
			n = 2
		}
		if t[0].key() == "STAR" {
			n = 2
		}
	case "RURAL":
		if t[1].key() == "ROUTE" || t[1].key() == "RT" || t[1].key() == "RTE" {
			n = 2
		} else if t[1].hasDigit() || (t[1].text == "#" || t[1].key() == "NO") && len(t) > 2 && t[2].hasDigit() {
			n = 1
		}
	case "HIGHWAY", "HWY":
		if t[1].key() == "CONTRACT" {
			n = 2
			if len(t) > 2 && (t[2].key() == "ROUTE" || t[2].key() == "RTE" || t[2].key() == "RT") {
				n = 3
			}
		}
	}
	switch t[0].key() {
	case "RTE", "RT", "ROUTE", "RD", "SR", "STAR", "SRA": // a mail route only before a box
		for i := n; i < len(t) && i < n+4; i++ {
			if t[i].key() == "BOX" || t[i].key() == "BX" || t[i].key() == "RR" {
				return n
			}
		}
		return 0
	}
	return n
}
