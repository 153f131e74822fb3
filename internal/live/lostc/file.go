package lostc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// maxFile bounds the file that is read.
const maxFile = 256 << 20

// save writes the mappings that have a boundary into the file, in the form in
// which servers give each other all they know (RFC 6739).
func (c *Client) save() {
	if c.cfg.File == "" {
		return
	}
	all := &lost.GetMappingsResponse{}
	c.mem.mu.RLock()
	for _, k := range c.mem.order {
		if k.ground != nil && (k.asked == "" || strings.EqualFold(k.asked, k.mapping.Service)) {
			all.Mappings = append(all.Mappings, k.mapping)
		}
	}
	c.mem.mu.RUnlock()
	if err := writeFile(c.cfg.File, all); err != nil {
		c.cfg.Log.Warn("keep LoST mappings", obs.Err(err))
	}
}

func writeFile(path string, all *lost.GetMappingsResponse) error {
	if len(all.Mappings) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	b, err := lost.Marshal(all)
	if err != nil {
		return err
	}
	return replaceFile(path, b)
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// load reads the file of an earlier run; what has expired since is left out.
func (c *Client) load() {
	if c.cfg.File == "" {
		return
	}
	info, err := os.Stat(c.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var all *lost.GetMappingsResponse
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	if err == nil {
		var b []byte
		if b, err = os.ReadFile(c.cfg.File); err == nil {
			all, err = lost.ParseAs[*lost.GetMappingsResponse](b, lost.SyncLimits())
		}
	}
	if err != nil {
		c.cfg.Log.Warn("read the LoST mappings of the last run", obs.Err(err))
		return
	}
	for i := range all.Mappings {
		// Who gave it is not in the file; who made it is.
		rank := slices.IndexFunc(c.cfg.Upstreams, func(u Upstream) bool { return strings.EqualFold(u.Name, all.Mappings[i].Source) })
		if rank < 0 {
			rank = len(c.cfg.Upstreams)
		}
		c.mem.push(all.Mappings[i:i+1], rank, c.cfg.Now())
	}
}

// cloneMapping is a mapping that keeps nothing of the document it came in.
func cloneMapping(in *lost.Mapping) lost.Mapping {
	m := *in
	m.Source, m.SourceID, m.Service, m.ServiceNumber = strings.Clone(m.Source), strings.Clone(m.SourceID), strings.Clone(m.Service), strings.Clone(m.ServiceNumber)
	m.Message = cloneText(m.Message)
	m.DisplayNames = slices.Clone(m.DisplayNames)
	for i, t := range m.DisplayNames {
		m.DisplayNames[i] = cloneText(t)
	}
	m.URIs = slices.Clone(m.URIs)
	for i, u := range m.URIs {
		m.URIs[i] = strings.Clone(u)
	}
	m.Reference.Source, m.Reference.Key = strings.Clone(m.Reference.Source), strings.Clone(m.Reference.Key)
	m.Reference.Extensions = cloneElements(m.Reference.Extensions)
	m.Extensions = cloneElements(m.Extensions)
	m.Boundaries = slices.Clone(m.Boundaries)
	for i := range m.Boundaries {
		b := &m.Boundaries[i]
		b.Profile = strings.Clone(b.Profile)
		b.Extensions = cloneElements(b.Extensions)
		b.Civics = slices.Clone(b.Civics)
		for j := range b.Civics {
			b.Civics[j] = cloneCivic(b.Civics[j])
		}
	}
	return m
}

func cloneCivic(c pidflo.Civic) pidflo.Civic {
	out := pidflo.Civic{Lang: strings.Clone(c.Lang), Fields: slices.Clone(c.Fields), Extensions: cloneElements(c.Extensions)}
	for i := range out.Fields {
		f := &out.Fields[i]
		f.Space, f.Name, f.Value, f.Lang = strings.Clone(f.Space), strings.Clone(f.Name), strings.Clone(f.Value), strings.Clone(f.Lang)
	}
	return out
}

func cloneElements(in []foreign.Element) []foreign.Element {
	out := slices.Clone(in)
	for i := range out {
		out[i].Space, out[i].Local, out[i].XML = strings.Clone(out[i].Space), strings.Clone(out[i].Local), strings.Clone(out[i].XML)
	}
	return out
}

func cloneText(t lost.Text) lost.Text {
	return lost.Text{Text: strings.Clone(t.Text), Lang: strings.Clone(t.Lang)}
}

// cloneWarnings keeps what warnings say, not what others put beside it.
func cloneWarnings(in []lost.Exceptions) []lost.Exceptions {
	var out []lost.Exceptions
	for _, w := range in {
		c := lost.Exceptions{Source: strings.Clone(w.Source)}
		for _, e := range w.List {
			c.List = append(c.List, lost.Exception{Kind: lost.Kind(strings.Clone(string(e.Kind))), Message: cloneText(e.Message)})
		}
		out = append(out, c)
	}
	return out
}
