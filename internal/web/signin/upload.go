package signin

import (
	"crypto/subtle"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/callbox911/callbox/internal/e911"
)

// Upload is a form with a file. The file is read as it arrives: nothing of it is held
// here or written to disk before who sent it, and that he meant to, is known.
type Upload struct {
	Fields url.Values // those that stand before the file
	Name   string     // of the file, as the browser says
	File   io.Reader  // nil: none was chosen
}

// Bounds of what stands before a file.
const (
	maxFields = 20
	maxField  = 4 << 10
)

// Uploaded serves a form with a file, as Visited does one without: the token is in a
// field "form" that stands before the file.
func (h *Handler) Uploaded(do func(w http.ResponseWriter, r *http.Request, v Visit, u *Upload)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			h.tooOld(w, r)
			return
		}
		h.signed(func(w http.ResponseWriter, r *http.Request, in signedIn) {
			u, err := begin(parts)
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				h.message(w, r, http.StatusRequestEntityTooLarge, "That is too large", "Send the file in parts.")
				return
			}
			token := h.get(r, cookieForm)
			if err != nil || len(token) < minToken || subtle.ConstantTimeCompare([]byte(token), []byte(u.Fields.Get("form"))) != 1 {
				h.tooOld(w, r)
				return
			}
			r.PostForm, r.Form = u.Fields, u.Fields
			do(w, r, Visit{Who: in.who, Org: h.openedOrg(r, in.who.ID), Form: token}, u)
		})(w, r)
	})
}

// minToken is how long a token of forms is at least.
const minToken = 20

func (h *Handler) tooOld(w http.ResponseWriter, r *http.Request) {
	h.message(w, r, http.StatusForbidden, "This page is too old", "Go back, load the page again, and send it once more.")
}

// begin reads the fields up to the file.
func begin(parts *multipart.Reader) (*Upload, error) {
	u := &Upload{Fields: url.Values{}}
	for range maxFields {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return u, err
		}
		if part.FormName() == "file" {
			if u.Name = part.FileName(); u.Name != "" {
				u.File = part
			}
			return u, nil
		}
		text, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil {
			return u, err
		}
		if len(text) > maxField {
			break
		}
		u.Fields.Add(part.FormName(), string(text))
	}
	return u, e911.Errorf(e911.Invalid, "the form is not one of ours")
}
