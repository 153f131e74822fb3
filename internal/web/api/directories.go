package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/reach"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Directories follows directories of people; directory.Service does.
type Directories interface {
	Sources(ctx context.Context, org e911.OrgID) ([]directory.Source, error)
	Source(ctx context.Context, org e911.OrgID, key string) (directory.Source, error)
	Save(ctx context.Context, who admin.Actor, s directory.Source) (directory.Source, error)
	Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string) error
	Last(ctx context.Context, org e911.OrgID, key string) (directory.Report, error)
	Unplaced(ctx context.Context, org e911.OrgID) (map[e911.UserID]time.Time, error)
	Placed(ctx context.Context, org e911.OrgID, user e911.UserID) error
}

// DirectoryJob is the kind of a job that reads or takes over a directory now, and
// DirectorySync what it is asked for.
const DirectoryJob = "directory"

// DirectorySync asks for a run.
type DirectorySync struct {
	Key    string `json:"key,omitempty" readOnly:"true"`
	Shrunk bool   `json:"shrunk,omitempty" doc:"Who is missing has left, however many they are"`
}

// Unplaced is a user who joined and of whom no location is known.
type Unplaced struct {
	User  string    `json:"user" doc:"Id, or key:NAME"`
	Since time.Time `json:"since,omitzero" readOnly:"true"`
}

var exampleDirectory = map[string]any{
	"key": "entra", "protocol": "scim", "action": "plan", "site": "mill",
	"map": map[string]any{"key": "userName", "name": "displayName", "email": "emails.work, emails", "device_user_id": "employeeNumber"},
}

func directoryOperations() []operation {
	const all, one = "/organisations/{org}/directories", "/organisations/{org}/directories/{id}"
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeWrite}
	source := reflect.TypeFor[client.Directory]()
	about := "Roles that groups give are to be said by a person who may give roles, or the operator; a password by who may set secrets."
	return []operation{
		{
			method: http.MethodGet, path: all, id: "list_directories", tag: "directories", scopes: read, summary: "List the directories of people that are followed",
			params: []parameter{limitParam, cursorParam}, result: listOf(source), do: (*Handler).listDirectories,
		},
		{
			method: http.MethodPost, path: all, id: "create_directories", tag: "directories", scopes: write, once: true, summary: "Follow a directory of people", about: about,
			body: source, example: exampleDirectory, status: http.StatusCreated, result: source, errors: []int{409}, do: (*Handler).createDirectory,
		},
		{
			method: http.MethodGet, path: one, id: "get_directories", tag: "directories", scopes: read, summary: "Read what a directory is, without its password",
			params: []parameter{ifNoneMatch}, result: source, do: (*Handler).getDirectory,
		},
		{
			method: http.MethodPut, path: one, id: "replace_directories", tag: "directories", scopes: write, summary: "Say it otherwise", about: about + " A password that is left out stays.",
			params: []parameter{ifMatch}, body: source, example: exampleDirectory, result: source, errors: []int{409, 412, 428}, do: (*Handler).replaceDirectory,
		},
		{
			method: http.MethodDelete, path: one, id: "delete_directories", tag: "directories", scopes: write, summary: "Follow a directory no longer; its people stay",
			params: []parameter{ifMatch}, status: http.StatusNoContent, errors: []int{412, 428}, do: (*Handler).deleteDirectory,
		},
		{
			method: http.MethodPost, path: one + "/sync", id: "sync_directories", tag: "directories", scopes: []apikey.Scope{apikey.ScopeImports, apikey.ScopeWrite}, once: true, summary: "Read or take over a directory now",
			about: "It becomes a job, whose result is the report. Half a result deletes nobody: with shrunk, a person says that so many have really left.",
			body:  reflect.TypeFor[DirectorySync](), example: map[string]any{}, status: http.StatusAccepted, result: reflect.TypeFor[job.Job](), do: (*Handler).syncDirectory,
		},
		{
			method: http.MethodGet, path: one + "/last", id: "get_directories_last", tag: "directories", scopes: read, summary: "Read the report of the last run",
			result: reflect.TypeFor[directory.Report](), do: (*Handler).lastDirectory,
		},
		{
			method: http.MethodGet, path: all + ":unplaced", id: "list_directories_unplaced", tag: "directories", scopes: []apikey.Scope{apikey.ScopeRead, apikey.ScopeCalls}, summary: "Who joined and has no location yet; it blocks nothing of 911",
			result: listOf(reflect.TypeFor[Unplaced]()), do: (*Handler).listUnplaced,
		},
		{
			method: http.MethodPost, path: all + ":placed", id: "place_directories", tag: "directories", scopes: write, summary: "Take the mark of having no location from a user",
			body: reflect.TypeFor[Unplaced](), example: map[string]any{"user": "key:ada"}, status: http.StatusNoContent, do: (*Handler).placed,
		},
	}
}

func (h *Handler) listDirectories(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Directories == nil {
		return reply{}, orNotHere(err)
	}
	all, err := h.cfg.Directories.Sources(c.Context(), c.org)
	if err != nil {
		return reply{}, err
	}
	all = slices.DeleteFunc(all, func(s directory.Source) bool { return s.Key <= after })
	slices.SortFunc(all, func(a, b directory.Source) int { return strings.Compare(a.Key, b.Key) })
	return paged(h, c, all[:min(limit, len(all))], limit, func(s directory.Source) string { return s.Key })
}

// directory is the one of the path.
func (h *Handler) directory(c *call) (directory.Source, error) {
	if h.cfg.Directories == nil {
		return directory.Source{}, errNotHere
	}
	return h.cfg.Directories.Source(c.Context(), c.org, c.name())
}

func (h *Handler) getDirectory(c *call) (reply, error) {
	s, err := h.directory(c)
	if err != nil {
		return reply{}, err
	}
	if matches(c.Header.Get("If-None-Match"), s.Version) {
		return reply{status: http.StatusNotModified, header: map[string]string{"ETag": etag(s.Version)}}, nil
	}
	return shownDirectory(http.StatusOK, s)
}

func shownDirectory(status int, s directory.Source) (reply, error) {
	out, err := answer(status, s.Redacted())
	if err != nil {
		return reply{}, err
	}
	out.header["ETag"] = etag(s.Version)
	if status == http.StatusCreated {
		out.header["Location"] = Base + "/organisations/" + string(s.Org) + "/directories/" + url.PathEscape(s.Key)
	}
	return out, nil
}

// saveDirectory reads a directory of the body and keeps it; was is what it replaces.
func (h *Handler) saveDirectory(c *call, was directory.Source) (directory.Source, error) {
	m, err := c.object()
	if err != nil {
		return was, err
	}
	for _, name := range []string{"id", "org", "version"} {
		delete(m, name)
	}
	var d decoder
	var s directory.Source
	if d.into(m, &s); was.Key != "" && s.Key != was.Key {
		d.fault("/key", "forbidden", "the key of a directory stays", "make another, and delete this one")
	}
	if s.Server != nil && !c.who.provider() && here(s.Server.URL) {
		d.fault("/ldap/url", "forbidden", "an organisation's directory is not on this machine", "write the address of its server, or ask the operator")
	}
	if len(d.faults) > 0 {
		return was, &e911.Error{Kind: e911.Invalid, Msg: "the directory is refused", Faults: d.faults}
	}
	if err := h.mayDirect(c, was, s); err != nil {
		return was, err
	}
	s.Org, s.Version = c.org, was.Version
	saved, err := h.cfg.Directories.Save(c.Context(), c.who.who, s)
	if err != nil {
		return was, mapped(kindRow{}, err)
	}
	return saved, nil
}

// here reports an address of the machine itself or of its link, which nobody but the
// operator may have it ask. A name that leads there is refused when it is dialled.
func here(address string) bool {
	u, err := url.Parse(address)
	return err == nil && reach.NamesHere(u.Hostname())
}

// mayDirect asks more than the directory itself needs: groups that give roles are
// roles given, and a password is a secret.
func (h *Handler) mayDirect(c *call, was, s directory.Source) error {
	if s.Server != nil && s.Server.Password != "" {
		if err := h.maySecrets(c); err != nil {
			return err
		}
	}
	if slices.Equal(was.Roles, s.Roles) {
		return nil
	}
	if !c.who.isPerson() {
		if !c.who.provider() {
			return denied("keys of an organisation give no roles: a person who may has to say which roles groups give")
		}
		return nil
	}
	a, err := h.ask(c, access.Node{Org: string(c.org)}, access.Members, access.Write)
	if err == nil && !a.Allowed {
		err = denied("roles of groups: " + a.Why)
	}
	return err
}

func (h *Handler) createDirectory(c *call) (reply, error) {
	if h.cfg.Directories == nil {
		return reply{}, errNotHere
	}
	m, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if key, _ := m["key"].(string); key != "" {
		switch _, err := h.cfg.Directories.Source(c.Context(), c.org, key); {
		case err == nil:
			return reply{}, e911.Errorf(e911.Conflict, "there is a directory of that key: change it by PUT")
		case e911.KindOf(err) != e911.NotFound:
			return reply{}, err
		}
	}
	s, err := h.saveDirectory(c, directory.Source{})
	if err != nil {
		return reply{}, err
	}
	return shownDirectory(http.StatusCreated, s)
}

func (h *Handler) replaceDirectory(c *call) (reply, error) {
	was, err := h.directory(c)
	if err == nil {
		err = ifMatches(c, was.Version)
	}
	if err != nil {
		return reply{}, err
	}
	s, err := h.saveDirectory(c, was)
	if err != nil {
		now, e := h.cfg.Directories.Source(c.Context(), c.org, was.Key)
		if e == nil && e911.KindOf(err) == e911.Conflict && now.Version != was.Version {
			return reply{}, stale(now.Version)
		}
		return reply{}, err
	}
	return shownDirectory(http.StatusOK, s)
}

func (h *Handler) deleteDirectory(c *call) (reply, error) {
	was, err := h.directory(c)
	if err == nil {
		err = ifMatches(c, was.Version)
	}
	if err == nil {
		err = h.cfg.Directories.Delete(c.Context(), c.who.who, c.org, was.Key)
	}
	return reply{status: http.StatusNoContent}, err
}

func (h *Handler) syncDirectory(c *call) (reply, error) {
	s, err := h.directory(c)
	if err != nil || h.cfg.Jobs == nil {
		return reply{}, orNotHere(err)
	}
	m, err := c.object()
	if err != nil {
		return reply{}, err
	}
	var d decoder
	var a DirectorySync
	if d.into(m, &a); len(d.faults) > 0 {
		return reply{}, &e911.Error{Kind: e911.Invalid, Msg: "the request is refused", Faults: d.faults}
	}
	a.Key = s.Key
	args, err := json.Marshal(a)
	if err != nil {
		return reply{}, fmt.Errorf("encode a run: %w", err)
	}
	j, err := h.cfg.Jobs.Submit(c.Context(), job.Request{Org: c.org, Kind: DirectoryJob, Title: "directory " + s.Key, Who: c.who.who, Args: args})
	if err != nil {
		return reply{}, err
	}
	out, err := answer(http.StatusAccepted, j)
	if err == nil {
		out.header["Location"] = Base + "/organisations/" + string(c.org) + "/jobs/" + j.ID
	}
	return out, err
}

func (h *Handler) lastDirectory(c *call) (reply, error) {
	s, err := h.directory(c)
	if err != nil {
		return reply{}, err
	}
	r, err := h.cfg.Directories.Last(c.Context(), c.org, s.Key)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, r)
}

func (h *Handler) listUnplaced(c *call) (reply, error) {
	if h.cfg.Directories == nil {
		return reply{}, errNotHere
	}
	found, err := h.cfg.Directories.Unplaced(c.Context(), c.org)
	if err != nil {
		return reply{}, err
	}
	out := client.Page[Unplaced]{Items: []Unplaced{}}
	for user, since := range found {
		out.Items = append(out.Items, Unplaced{User: string(user), Since: since})
	}
	slices.SortFunc(out.Items, func(a, b Unplaced) int { return strings.Compare(a.User, b.User) })
	return answer(http.StatusOK, out)
}

func (h *Handler) placed(c *call) (reply, error) {
	if h.cfg.Directories == nil {
		return reply{}, errNotHere
	}
	m, err := c.object()
	if err != nil {
		return reply{}, err
	}
	var d decoder
	var u Unplaced
	if d.into(m, &u); u.User == "" {
		d.fault("/user", "required", "who is meant is not said", "write an id, or key:NAME")
	}
	if len(d.faults) > 0 {
		return reply{}, &e911.Error{Kind: e911.Invalid, Msg: "the request is refused", Faults: d.faults}
	}
	if err := h.named(c, e911.KindUser, &u.User); err != nil {
		return reply{}, err
	}
	if _, err := h.cfg.Objects[e911.KindUser].Get(c.Context(), c.org, u.User); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, h.cfg.Directories.Placed(c.Context(), c.org, e911.UserID(u.User))
}
