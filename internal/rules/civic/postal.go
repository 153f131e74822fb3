package civic

import "strings"

// Country returns "US" or "CA", the country that the state or province is in.
func (s State) Country() string {
	if s.FIPS == "" {
		return "CA"
	}
	return "US"
}

// PostalForm tells the country whose form a postal code has, "US" (five
// digits) or "CA" ("K1A 0A9", canonical with its space); empty when neither.
func PostalForm(pc string) string {
	if digits(pc, 5) {
		return "US"
	}
	if len(pc) == 7 && pc[3] == ' ' && canadianHalf(pc[:3], true) && canadianHalf(pc[4:], false) {
		return "CA"
	}
	return ""
}

// canadianHalf tests "K1A" (first) or "0A9". D, F, I, O, Q and U are never
// used, W and Z not in the first place (Canada Post, Addressing Guidelines).
func canadianHalf(s string, first bool) bool {
	if len(s) != 3 {
		return false
	}
	letter := func(c byte) bool { return c >= 'A' && c <= 'Z' && !strings.ContainsRune("DFIOQU", rune(c)) }
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	if first {
		return letter(s[0]) && s[0] != 'W' && s[0] != 'Z' && digit(s[1]) && letter(s[2])
	}
	return digit(s[0]) && letter(s[1]) && digit(s[2])
}

// PostalStates tells the states that a canonical postal code (PostalForm) belongs
// to by its prefix, and those near its delivery area, which it may serve across
// the border. Both are empty when no code begins like this.
func PostalStates(pc string) (homes, near []string) {
	switch PostalForm(pc) {
	case "CA":
		return canadianProvinces(pc), nil
	case "US":
	default:
		return nil, nil
	}
	at := zipStates[prefix(pc)]
	return at.homes, at.near
}

// zipStates are zipRanges and zipNear by prefix.
var zipStates = func() *[1000]struct{ homes, near []string } {
	var all [1000]struct{ homes, near []string }
	for _, r := range zipRanges {
		for n := prefix(r.from); n <= prefix(r.to); n++ {
			all[n].homes = strings.Fields(r.states)
		}
	}
	for _, r := range zipNear {
		for p := range strings.FieldsSeq(r.prefixes) {
			all[prefix(p)].near = append(all[prefix(p)].near, r.state)
		}
	}
	return &all
}()

// prefix is the number that the first three digits make.
func prefix(zip string) int {
	return int(zip[0]-'0')*100 + int(zip[1]-'0')*10 + int(zip[2]-'0')
}

// canadianProvinces goes by the first letter of the forward sortation area; X is
// shared by two territories.
func canadianProvinces(pc string) []string {
	switch pc[0] {
	case 'A':
		return []string{"NL"}
	case 'B':
		return []string{"NS"}
	case 'C':
		return []string{"PE"}
	case 'E':
		return []string{"NB"}
	case 'G', 'H', 'J':
		return []string{"QC"}
	case 'K':
		if pc[:3] == "K1A" { // the federal government, on both banks of the Ottawa
			return []string{"ON", "QC"}
		}
		return []string{"ON"}
	case 'L', 'M', 'N', 'P':
		return []string{"ON"}
	case 'R':
		return []string{"MB"}
	case 'S':
		return []string{"SK"}
	case 'T':
		return []string{"AB"}
	case 'V':
		return []string{"BC"}
	case 'Y':
		return []string{"YT"}
	case 'X':
		if pc[1] == '0' && pc[2] <= 'C' {
			return []string{"NU"}
		}
		return []string{"NT"}
	}
	return nil
}

func has(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func digits(s string, n int) bool { return len(s) == n && allDigits(s) }

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// zipRanges are the three-digit prefixes of ZIP codes and the states whose post
// offices have them (USPS Publication 65, three-digit ZIP code prefixes).
var zipRanges = []struct{ from, to, states string }{
	{"005", "005", "NY"},
	{"006", "007", "PR"},
	{"008", "008", "VI"},
	{"009", "009", "PR"},
	{"010", "027", "MA"},
	{"028", "029", "RI"},
	{"030", "038", "NH"},
	{"039", "049", "ME"},
	{"050", "054", "VT"},
	{"055", "055", "MA"},
	{"056", "059", "VT"},
	{"060", "062", "CT"},
	{"063", "063", "CT NY"}, // Fishers Island
	{"064", "069", "CT"},
	{"070", "089", "NJ"},
	{"090", "098", "AE"},
	{"100", "149", "NY"},
	{"150", "196", "PA"},
	{"197", "199", "DE"},
	{"200", "200", "DC"},
	{"201", "201", "VA"},
	{"202", "204", "DC"},
	{"205", "205", "DC MD VA"},
	{"206", "212", "MD"},
	{"214", "219", "MD"},
	{"220", "246", "VA"},
	{"247", "268", "WV"},
	{"270", "289", "NC"},
	{"290", "299", "SC"},
	{"300", "319", "GA"},
	{"320", "339", "FL"},
	{"340", "340", "AA"},
	{"341", "349", "FL"},
	{"350", "352", "AL"},
	{"354", "369", "AL"},
	{"370", "385", "TN"},
	{"386", "397", "MS"},
	{"398", "399", "GA"},
	{"400", "418", "KY"},
	{"420", "427", "KY"},
	{"430", "459", "OH"},
	{"460", "479", "IN"},
	{"480", "499", "MI"},
	{"500", "516", "IA"},
	{"520", "528", "IA"},
	{"530", "532", "WI"},
	{"534", "535", "WI"},
	{"537", "549", "WI"},
	{"550", "551", "MN"},
	{"553", "567", "MN"},
	{"569", "569", "DC"},
	{"570", "577", "SD"},
	{"580", "588", "ND"},
	{"590", "599", "MT"},
	{"600", "620", "IL"},
	{"622", "629", "IL"},
	{"630", "631", "MO"},
	{"633", "641", "MO"},
	{"644", "658", "MO"},
	{"660", "662", "KS"},
	{"664", "679", "KS"},
	{"680", "681", "NE"},
	{"683", "693", "NE"},
	{"700", "701", "LA"},
	{"703", "708", "LA"},
	{"710", "714", "LA"},
	{"716", "725", "AR"},
	{"726", "726", "AR MO"},
	{"727", "729", "AR"},
	{"730", "731", "OK"},
	{"733", "733", "TX"},
	{"734", "738", "OK"},
	{"739", "739", "OK TX"},
	{"740", "741", "OK"},
	{"743", "749", "OK"},
	{"750", "770", "TX"},
	{"772", "799", "TX"},
	{"800", "816", "CO"},
	{"820", "831", "WY"},
	{"832", "833", "ID"},
	{"834", "834", "ID WY"},
	{"835", "838", "ID"},
	{"840", "847", "UT"},
	{"850", "853", "AZ"},
	{"855", "857", "AZ"},
	{"859", "860", "AZ"},
	{"863", "865", "AZ"},
	{"870", "871", "NM"},
	{"873", "876", "NM"},
	{"877", "884", "NM"},
	{"885", "885", "TX"},
	{"889", "891", "NV"},
	{"893", "895", "NV"},
	{"897", "898", "NV"},
	{"900", "908", "CA"},
	{"910", "928", "CA"},
	{"930", "961", "CA"},
	{"962", "966", "AP"},
	{"967", "967", "HI"},
	{"968", "968", "HI AS"},
	{"969", "969", "GU MP FM MH PW"},
	{"970", "979", "OR"},
	{"980", "986", "WA"},
	{"988", "994", "WA"},
	{"995", "999", "AK"},
}

// zipNear lists, for a state, the prefixes of its neighbours that have a place
// within about 15 km of one in the state (45 km where places are far apart).
// Post offices there deliver across the border in places, so such a
// disagreement is a doubt and not an error. The list was computed from public
// coordinates of ZIP codes.
var zipNear = []struct{ state, prefixes string }{
	{"AL", "301 302 307 318 319 324 325 373 383 384 388 393 394 395 397 398"},
	{"AR", "375 380 381 386 387 638 639 648 656 657 710 712 743 744 747 749 755"},
	{"AZ", "845 847 873 874 878 880 890 922 923"},
	{"CA", "853 864 890 894 895 974 975 976"},
	{"CO", "677 678 690 691 739 820 823 840 845 874 875 877 884"},
	{"CT", "010 011 012 015 028 063 105 106 117 119 125"},
	{"DC", "206 207 208 209 220 221 222 223"},
	{"DE", "080 190 193 216 218 219"},
	{"FL", "315 316 363 364 365 398"},
	{"GA", "287 289 296 298 299 320 323 324 357 359 360 362 363 368 373 374"},
	{"IA", "538 546 559 560 561 570 610 612 614 623 634 635 644 646 680 681 684 687"},
	{"ID", "597 598 599 830 831 834 840 843 898 978 979 990 991 994"},
	{"IL", "420 424 463 464 475 476 478 479 520 526 527 528 531 535 538 630 631 633 634 636 637 638"},
	{"IN", "400 401 402 410 423 424 435 450 453 458 490 491 492 604 606 608 609 618 619 624 628"},
	{"KS", "640 641 644 645 647 648 649 683 684 689 690 737 738 739 740 743 746 808 810"},
	{"KY", "242 246 248 255 256 257 370 371 377 378 382 385 450 451 452 456 459 470 471 472 475 476 477 628 629 638"},
	{"LA", "387 390 391 394 395 396 716 717 718 755 756 759 776"},
	{"MA", "028 029 030 034 038 052 053 060 062 120 121 125"},
	{"MD", "154 155 172 173 175 193 197 199 200 201 202 203 204 205 220 221 222 223 224 225 233 234 254 265 267 569"},
	{"ME", "035 038"},
	{"MI", "434 435 436 463 465 466 467 541 542 545"},
	{"MN", "504 505 512 513 521 540 546 547 548 570 572 580 581 582"},
	{"MO", "380 420 500 501 508 516 525 526 620 622 623 629 660 661 662 667 683 684 723 724 725 726 727 743"},
	{"MS", "354 355 356 365 369 380 381 383 704 707 712 713 716 723"},
	{"MT", "577 586 588 821 827 828 834 838"},
	{"NC", "233 234 238 239 240 241 242 243 245 293 295 296 297 305 373 376 377 378"},
	{"ND", "562 565 567 572 574 576 577 592 593"},
	{"NE", "510 511 515 516 570 573 575 577 644 660 664 665 669 676 677 807 820 822"},
	{"NH", "013 014 018 019 039 040 042 049 050 051 053 055 058 059"},
	{"NJ", "100 101 102 103 104 105 106 107 108 109 111 112 113 127 180 183 189 190 191 192 197 198"},
	{"NM", "739 790 793 797 798 799 810 811 813 855 856 859 865"},
	{"NV", "833 840 847 864 923 935 961 977"},
	{"NY", "012 028 052 053 054 057 060 063 067 068 069 070 071 072 073 074 076 077 078 088 163 164 167 169 183 184 188"},
	{"OH", "150 153 161 164 251 252 255 257 260 261 263 410 411 467 470 473 481 492"},
	{"OK", "648 667 670 671 673 678 679 718 719 727 729 739 750 754 755 762 763 790 792 810 884"},
	{"OR", "835 836 894 955 960 961 986 993"},
	{"PA", "078 080 081 085 086 088 109 127 137 138 139 147 148 149 197 198 210 211 215 217 219 254 260 265 267 439 440 444 445"},
	{"RI", "015 017 020 027 062 063 119"},
	{"SC", "280 281 282 283 284 287 304 305 306 308 309 313"},
	{"SD", "510 511 512 561 562 580 584 585 586 593 687 692 693 827"},
	{"TN", "242 243 286 287 289 305 307 356 357 359 386 388 407 409 420 421 422 426 427 638 723"},
	{"TX", "706 710 714 718 734 735 736 738 739 747 880 881 882 884"},
	{"UT", "813 814 815 816 829 831 832 833 860 864 865 890 893 898"},
	{"VA", "200 202 203 204 205 206 207 208 209 217 218 247 248 249 254 259 267 268 270 272 273 275 278 279 286 376 377 378 408 409 415 418 569"},
	{"VT", "012 013 034 035 036 037 120 121 128 129"},
	{"WA", "835 838 970 971 972 978"},
	{"WI", "498 499 520 521 550 551 556 557 558 559 600 610"},
	{"WV", "150 153 154 155 172 201 215 217 226 228 240 241 243 244 246 411 412 415 437 439 444 456 457"},
	{"WY", "577 590 593 597 691 693 804 805 806 807 816 832 834 840"},
}
