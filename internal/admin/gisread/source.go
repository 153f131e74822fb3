package gisread

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
)

// source is one file to read, wherever it lies.
type source struct {
	file  string // for people: "data.zip/RoadCenterLine.geojson"
	base  string // its own name
	disk  string // its path, when it is a file of the disk
	named bool   // by the operator, not by a directory or an archive
	open  func() (io.ReadCloser, error)
	// parts are the other files of a shapefile by extension.
	parts map[string]source
}

// stem is the own name without extension.
func (s source) stem() string { return strings.TrimSuffix(s.base, path.Ext(s.base)) }

func (s source) ext() string { return strings.ToLower(path.Ext(s.base)) }

// expand lists the files: those of a directory, those in an archive, the parts
// of a shapefile together.
func (r *reader) expand(files []File) ([]source, error) {
	var out []source
	for _, f := range files {
		if f.Name == "" {
			f.Name = filepath.Base(f.Path)
		}
		if f.R != nil {
			out = append(out, named(r.opened(f))...)
			continue
		}
		st, err := os.Stat(f.Path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("find the GIS data: %w", err)
		case !st.IsDir():
			out = append(out, named(r.file(f.Name, f.Path))...)
			continue
		}
		entries, err := os.ReadDir(f.Path)
		if err != nil {
			return nil, fmt.Errorf("list the GIS data: %w", err)
		}
		for _, e := range entries {
			if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
				out = append(out, r.file(path.Join(f.Name, e.Name()), filepath.Join(f.Path, e.Name()))...)
			}
		}
	}
	return r.group(out), nil
}

// named marks a file that is no archive as one that the operator named.
func named(s []source) []source {
	if len(s) == 1 {
		s[0].named = true
	}
	return s
}

func (r *reader) file(name, disk string) []source {
	s := source{file: name, base: filepath.Base(name), disk: disk}
	limit := r.opt.Limits.FileBytes
	s.open = func() (io.ReadCloser, error) {
		f, err := os.Open(disk)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		return &bounded{r: f, c: f, left: limit}, nil
	}
	if s.ext() != ".zip" {
		return []source{s}
	}
	f, err := os.Open(disk)
	if err == nil {
		var st fs.FileInfo
		if st, err = f.Stat(); err == nil {
			r.closers = append(r.closers, f)
			return r.archive(name, f, st.Size())
		}
		f.Close()
	}
	r.refuseFile(name, "", broken(CodeFormat, "", "The archive cannot be opened."))
	return nil
}

func (r *reader) opened(f File) []source {
	limit := r.opt.Limits.FileBytes
	s := source{file: f.Name, base: filepath.Base(f.Name)}
	s.open = func() (io.ReadCloser, error) {
		return &bounded{r: io.NewSectionReader(f.R, 0, f.Size), left: limit}, nil
	}
	var magic [4]byte
	if n, _ := f.R.ReadAt(magic[:], 0); s.ext() == ".zip" || n == 4 && string(magic[:]) == "PK\x03\x04" {
		return r.archive(f.Name, f.R, f.Size)
	}
	return []source{s}
}

// archive lists the files in a zip archive. Nothing is ever unpacked under a
// name that the archive gives.
func (r *reader) archive(name string, at io.ReaderAt, size int64) []source {
	z, err := zip.NewReader(at, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		r.refuseFile(name, "", broken(CodeFormat, "Fetch the archive again.", "The file is not a zip archive, or it is damaged."))
		return nil
	}
	if len(z.File) > r.opt.Limits.ZipFiles {
		r.refuseFile(name, "", broken(CodeTooLarge, "", "The archive has more than %d files.", r.opt.Limits.ZipFiles))
		return nil
	}
	var out []source
	for _, f := range z.File {
		inner := strings.ReplaceAll(f.Name, `\`, "/") // as old programs of Windows pack
		switch {
		case strings.HasSuffix(inner, "/"):
			continue
		case !filepath.IsLocal(inner) || strings.ContainsAny(inner, "\x00:") || len(inner) > 1000:
			r.refuseFile(name, "", broken(CodeZipName, "Pack the files anew.", "The archive has a file whose path leads out of it: %q.", printable(inner, 80)))
			return nil
		case strings.HasPrefix(path.Base(inner), ".") || strings.Contains(inner, "__MACOSX/"):
			continue
		}
		out = append(out, source{file: name + "/" + printable(inner, 300), base: path.Base(inner), open: func() (io.ReadCloser, error) {
			c, err := f.Open()
			if err != nil {
				return nil, broken(CodeFormat, "Pack the files anew.", "A file in the archive cannot be unpacked: %s.", printable(err.Error(), 80))
			}
			most := max(int64(min(f.CompressedSize64, 1<<50))*r.opt.Limits.ZipRatio, 16<<20)
			return &bounded{r: c, c: c, left: r.opt.Limits.FileBytes, bomb: most, total: &r.zipLeft}, nil
		}})
	}
	return out
}

// bounded ends the reading of a file that is too large, or that unpacks to more
// than an honest one would.
type bounded struct {
	r     io.Reader
	c     io.Closer
	left  int64
	bomb  int64  // bytes that may be unpacked; 0: no limit
	total *int64 // what is left for all files of the archives
	read  int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.read += int64(n)
	b.left -= int64(n)
	if b.total != nil {
		*b.total -= int64(n)
	}
	switch {
	case b.bomb > 0 && b.read > b.bomb, b.total != nil && *b.total < 0:
		return 0, broken(CodeZipBomb, "", "The archive unpacks to far more than GIS data does; it was not read.")
	case b.left < 0:
		return 0, broken(CodeTooLarge, "", "The file is larger than what is read of one file.")
	case errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat):
		return 0, broken(CodeTruncated, "Fetch the archive again.", "The archive is damaged.")
	}
	return n, err
}

func (b *bounded) Close() error {
	if b.c == nil {
		return nil
	}
	return b.c.Close()
}

// partOf are the extensions of the files that belong to a .shp file.
var partOf = []string{".dbf", ".shx", ".prj", ".cpg"}

// group puts the parts of shapefiles together. A .dbf file alone is told as a
// table without its geometry.
func (r *reader) group(in []source) []source {
	byName := map[string]source{}
	key := func(s source, ext string) string {
		return strings.ToLower(strings.TrimSuffix(s.file, path.Ext(s.file)) + ext)
	}
	shapes := map[string]bool{}
	for _, s := range in {
		byName[key(s, s.ext())] = s
		if s.ext() == ".shp" {
			shapes[key(s, "")] = true
		}
	}
	var out []source
	for _, s := range in {
		switch {
		case s.ext() == ".shp":
			s.parts = map[string]source{}
			for _, ext := range partOf {
				if p, ok := byName[key(s, ext)]; ok {
					s.parts[ext] = p
				}
			}
		case slices.Contains(partOf, s.ext()) && shapes[key(s, "")]:
			continue
		case s.ext() == ".shx" || s.ext() == ".dbf":
			if !shapes[key(s, "")] {
				r.refuseFile(s.file, "", broken(CodePartMissing, "Give the .shp, .dbf, .shx and .prj files together, or a zip archive of them.", "The shapefile lacks its .shp file."))
				shapes[key(s, "")] = true // told once
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// text opens a file as UTF-8 without byte order mark; UTF-16 is translated.
func (s source) text() (io.ReadCloser, error) {
	c, err := s.open()
	if err != nil {
		return nil, err
	}
	var mark [3]byte
	n, err := io.ReadFull(c, mark[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		c.Close()
		return nil, err
	}
	head := mark[:n]
	var r io.Reader
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		r = c
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		r = &wide{r: io.MultiReader(bytes.NewReader(head[2:]), c), order: binary.LittleEndian}
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		r = &wide{r: io.MultiReader(bytes.NewReader(head[2:]), c), order: binary.BigEndian}
	default:
		r = io.MultiReader(bytes.NewReader(head), c)
	}
	return struct {
		io.Reader
		io.Closer
	}{r, c}, nil
}

// wide translates UTF-16 to UTF-8.
type wide struct {
	r     io.Reader
	order binary.ByteOrder
	high  rune // first half of a surrogate pair
	out   []byte
	in    [4096]byte
	err   error
}

func (w *wide) Read(p []byte) (int, error) {
	for len(w.out) == 0 && w.err == nil {
		n, err := io.ReadFull(w.r, w.in[:])
		if errors.Is(err, io.ErrUnexpectedEOF) && n%2 == 0 {
			err = io.EOF
		}
		w.err = err
		units := make([]uint16, 0, n/2+1)
		if w.high != 0 {
			units = append(units, uint16(w.high))
			w.high = 0
		}
		for i := 0; i+1 < n; i += 2 {
			units = append(units, w.order.Uint16(w.in[i:]))
		}
		if k := len(units); err == nil && k > 0 && units[k-1] >= 0xd800 && units[k-1] < 0xdc00 {
			w.high, units = rune(units[k-1]), units[:k-1]
		}
		w.out = append(w.out[:0], string(utf16.Decode(units))...)
	}
	if len(w.out) == 0 {
		return 0, w.err
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}
