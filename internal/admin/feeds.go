package admin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// CodeSynced is the code of a fault of a field that a directory of people feeds.
const CodeSynced = "synced"

// Fed is what a directory of people says of one user: fields that nobody else may
// change (C-59). A field of which it says nothing that can be used is not among them.
type Fed struct {
	Directory string   `json:"directory"` // its key
	Fields    []string `json:"fields"`    // names of the REST API: name, email, device_user_id, callback, language, site
	// Location says that it feeds the location of his numbers.
	Location bool `json:"location,omitempty"`
	// Numbers are those that it says are his.
	Numbers []e911.Number `json:"numbers,omitempty"`
}

// Feeds knows what directories feed.
type Feeds interface {
	// Fed says it of users of an organisation, or of all of them where none is named.
	// Who is in no directory is not in the answer. It is asked outside of transactions.
	Fed(ctx context.Context, org e911.OrgID, users ...e911.UserID) (map[e911.UserID]Fed, error)
}

// Leaver is somebody who left the directories of an organisation, with what other lists
// may call him.
type Leaver struct {
	Directory                string    // its key
	Since                    time.Time // when it was seen
	User                     e911.UserID
	Key, Email, DeviceUserID string
}

// UserOf is the user whose directory an object has to do with; none: nobody's.
func UserOf(value any) e911.UserID {
	switch v := value.(type) {
	case e911.User:
		return v.ID
	case e911.NumberRec:
		return v.User
	}
	return ""
}

// Of names the fields of a user, or of a number of his, that the directory feeds.
func (f Fed) Of(value any) []string {
	switch v := value.(type) {
	case e911.User:
		return f.Fields
	case e911.NumberRec:
		var out []string
		if f.Location {
			out = append(out, "location")
		}
		if slices.Contains(f.Numbers, v.Number) {
			out = append(out, "user")
		}
		return out
	}
	return nil
}

// Overrides says which fields of a user or of his number a change would take from the
// directory that feeds them. What is the same is no fault.
func (f Fed) Overrides(before, after any) []e911.Fault {
	var faults []e911.Fault
	fed := func(path string, same bool) {
		if same {
			return
		}
		faults = append(faults, e911.Fault{
			Path: path, Code: CodeSynced, Msg: fmt.Sprintf("the directory %s feeds this field", f.Directory),
			Fix: "change it in the directory, leave it as it is, or release the user from the directory",
		})
	}
	switch was := before.(type) {
	case e911.User:
		is, ok := after.(e911.User)
		if !ok {
			return nil
		}
		for _, c := range []struct {
			field string
			same  bool
		}{
			{"name", was.Name == is.Name},
			{"email", was.Email == is.Email},
			{"device_user_id", was.DeviceUserID == is.DeviceUserID},
			{"callback", was.Callback == is.Callback},
			{"language", was.Language == is.Language},
			{"site", was.Site == is.Site},
		} {
			if slices.Contains(f.Fields, c.field) {
				fed(c.field, c.same)
			}
		}
	case e911.NumberRec:
		is, ok := after.(e911.NumberRec)
		if !ok {
			return nil
		}
		if f.Location && is.User == was.User {
			fed("location", was.Location == is.Location)
		}
		if slices.Contains(f.Numbers, was.Number) {
			fed("user", was.User == is.User)
		}
	}
	return faults
}
