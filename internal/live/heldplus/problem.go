package heldplus

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// failure is an answer that is an error.
type failure struct {
	status int
	code   string // end of the problem's type
	title  string
	detail string
	faults []Fault
	retry  time.Duration // Retry-After
}

const problemType = "urn:callbox:heldplus:"

func badRequest(faults ...Fault) *failure {
	return &failure{status: http.StatusUnprocessableEntity, code: "invalid", title: "The request has faults.", faults: faults}
}

func notSignedIn(why string) *failure {
	return &failure{status: http.StatusUnauthorized, code: "session", title: "Sign in again.", detail: why}
}

func notFound(what string) *failure {
	return &failure{status: http.StatusNotFound, code: "not_found", title: "There is no such " + what + "."}
}

func tooMany(retry time.Duration) *failure {
	return &failure{
		status: http.StatusTooManyRequests, code: "rate_limited", title: "Too many requests.", retry: retry,
		detail: "What was known before still counts for calls.",
	}
}

func (f *failure) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if f.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((f.retry+time.Second-1)/time.Second)))
	}
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="heldplus"`)
	}
	body, err := json.Marshal(Problem{Type: problemType + f.code, Title: f.title, Status: f.status, Detail: f.detail, Faults: f.faults})
	if err != nil {
		body = []byte("{}") // never: plain texts
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.status)
	w.Write(body)
}
