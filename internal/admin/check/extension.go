package check

// DialledForHelp reports whether a call to s goes to emergency services or to 933, or
// becomes one with an outside digit: no extension may be like that (F-37).
func DialledForHelp(s string) bool { return reserved(s) }
