package sheet

import "unicode/utf8"

func short(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most]) + "…"
	}
	return s
}

func helpHeader() []string { return []string{"column", "needed", "form", "also called", "what it is"} }
