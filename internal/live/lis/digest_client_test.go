package lis_test

import (
	"crypto/md5" // RFC 7616 keeps it for old clients; phones have nothing better
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// digestAnswer answers a challenge as RFC 7616, section 3.4, has it.
func digestAnswer(t *testing.T, h http.Header, algorithm, user, password, uri string) map[string]string {
	t.Helper()
	var challenge string
	for _, c := range h.Values("WWW-Authenticate") {
		if strings.Contains(c, "algorithm="+algorithm+",") {
			challenge = c
		}
	}
	value := func(name string) string {
		m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(challenge)
		if m == nil {
			t.Fatalf("no %s in %q", name, challenge)
		}
		return m[1]
	}
	sum := func(s string) string {
		w := sha256.New()
		if algorithm == "MD5" {
			w = md5.New()
		}
		w.Write([]byte(s))
		return hex.EncodeToString(w.Sum(nil))
	}
	realm, nonce := value("realm"), value("nonce")
	const nc, cnonce = "00000001", "c0ffee"
	response := sum(sum(user+":"+realm+":"+password) + ":" + nonce + ":" + nc + ":" + cnonce + ":auth:" + sum("POST:"+uri))
	return map[string]string{"Authorization": `Digest username="` + user + `", realm="` + realm + `", nonce="` + nonce + `", uri="` + uri +
		`", algorithm=` + algorithm + `, qop=auth, nc=` + nc + `, cnonce="` + cnonce + `", response="` + response + `"`}
}
