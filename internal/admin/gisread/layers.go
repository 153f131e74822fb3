package gisread

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// layer is one table of one file, found but not read.
type layer struct {
	src     source
	name    string
	columns []string
	read    func(ctx context.Context, t *table) error
}

// meaning tells what the table is: by columns where they leave no doubt, else
// by its name.
func (l layer) meaning() meaning {
	byName, named := tableMeaning(l.name)
	if !named && l.src.base != "" {
		byName, named = tableMeaning(l.src.base)
	}
	byColumns, clear := meaningOfColumns(l.columns)
	if clear && (!named || byColumns.kind == kindTIGER || byColumns.kind == kindOpenAddresses) {
		return byColumns
	}
	if named {
		return byName
	}
	return meaning{}
}

// layers looks into a file and lists its tables.
func (r *reader) layers(ctx context.Context, s source) ([]layer, error) {
	c, err := s.text()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 4096)
	n, err := io.ReadFull(c, head)
	c.Close()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	switch first := bytes.TrimLeft(head, " \t\r\n\x1e"); {
	case bytes.HasPrefix(head, []byte(sqliteMagic)), s.ext() == ".gpkg":
		return r.gpkgLayers(ctx, s)
	case s.ext() == ".shp", bytes.HasPrefix(head, []byte{0, 0, 0x27, 0x0a}) && s.ext() != ".shx":
		return r.shpLayers(s)
	case s.ext() == ".geojson", s.ext() == ".json", s.ext() == ".geojsonl", s.ext() == ".ndjson", len(first) > 0 && first[0] == '{':
		return r.jsonLayers(s)
	case s.ext() == ".csv", s.ext() == ".tsv", s.ext() == ".txt" && bytes.IndexByte(head, 0) < 0:
		return r.csvLayers(s)
	}
	if s.named {
		return nil, broken(CodeFormat, "Give a GeoPackage, GeoJSON, CSV or shapefile.", "The file has none of the formats that are read.")
	}
	r.rep.Ignored = append(r.rep.Ignored, s.file)
	return nil, nil
}

func (r *reader) csvLayers(s source) ([]layer, error) {
	c, err := s.text()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	text, err := newCSVText(c, r.geometryBytes(), r.opt.Limits.Columns)
	if err != nil {
		return nil, err
	}
	head, err := text.record()
	switch {
	case errors.Is(err, io.EOF):
		return nil, broken(CodeFormat, "", "The file is empty.")
	case errors.Is(err, errQuote):
		return nil, broken(CodeFormat, "Double the quotes inside a value.", "In the heading, text stands behind a closing quote.")
	case err != nil:
		return nil, err
	}
	return []layer{{src: s, name: s.stem(), columns: slices.Clone(head), read: func(ctx context.Context, t *table) error { return r.readCSV(ctx, s, t) }}}, nil
}

// geometryBytes bounds a geometry written as text.
func (r *reader) geometryBytes() int { return r.opt.Limits.Coordinates * 24 }

func (r *reader) readCSV(ctx context.Context, s source, t *table) error {
	c, err := s.text()
	if err != nil {
		return err
	}
	defer c.Close()
	text, err := newCSVText(c, r.geometryBytes(), r.opt.Limits.Columns)
	if err != nil {
		return err
	}
	head, err := text.record()
	if err != nil {
		return err
	}
	cols := t.columns(slices.Clone(head))
	for {
		values, err := text.record()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, errQuote):
			return err
		}
		if err := t.begin(ctx); err != nil {
			return err
		}
		for i, v := range values {
			if i < len(cols) {
				t.set(cols[i], v)
			}
		}
		switch {
		case err != nil:
			t.rec.bad = &problem{code: CodeRowForm, reason: "Text stands behind a closing quote.", fix: "Double the quotes inside a value."}
		case len(values) != len(cols):
			t.rec.bad = &problem{code: CodeRowForm, reason: fmt.Sprintf("The row has %d values and the heading %d.", len(values), len(cols)), fix: "Quote values that have commas."}
		}
		if err := t.end(t.csvShape(r.opt.Limits.Coordinates)); err != nil {
			return err
		}
	}
}

// csvShape is the geometry of a row of a CSV file: WKT, or longitude and
// latitude.
func (t *table) csvShape(limit int) shape {
	if text := t.rec.vals[colWKT]; text != "" {
		return parseWKT(text, limit)
	}
	lon, lat := t.rec.vals[colLon], t.rec.vals[colLat]
	if lon == "" && lat == "" {
		return shape{}
	}
	return parseWKT("POINT ("+lon+" "+lat+")", 1)
}

var errFound = errors.New("found")

// jsonLayers reads up to the first feature. Where the features name their
// tables themselves ("layer"), the whole file is looked through for the names.
func (r *reader) jsonLayers(s source) ([]layer, error) {
	var columns, names []string
	stop := true
	g := &geojson{begin: func() error { columns = columns[:0]; return nil }, look: true}
	g.value = func(key, value string) {
		if len(columns) < r.opt.Limits.Columns {
			columns = append(columns, key)
		}
		if _, known := tableMeaning(value); known && strings.EqualFold(key, "layer") && len(names) < 100 && !slices.Contains(names, value) {
			names = append(names, value)
			stop = false
		}
	}
	g.end = func(shape) error {
		if stop {
			return errFound
		}
		return nil
	}
	var first []string
	end := g.end
	g.end = func(s shape) error {
		if first == nil {
			first = slices.Clone(columns)
		}
		return end(s)
	}
	if err := r.runJSON(s, g); err != nil && !errors.Is(err, errFound) {
		return nil, err
	}
	if len(names) == 0 {
		name := g.name
		if _, known := tableMeaning(name); !known {
			name = s.stem()
		}
		return []layer{{src: s, name: name, columns: first, read: func(ctx context.Context, t *table) error { return r.readJSON(ctx, s, t, "") }}}, nil
	}
	var out []layer
	for _, name := range names {
		out = append(out, layer{src: s, name: name, columns: first, read: func(ctx context.Context, t *table) error { return r.readJSON(ctx, s, t, name) }})
	}
	return out, nil
}

func (r *reader) runJSON(s source, g *geojson) error {
	c, err := s.text()
	if err != nil {
		return err
	}
	defer c.Close()
	g.j = newJSONText(c, r.opt.Limits.Text)
	return g.run()
}

// readJSON reads the features of a file; only those of one table when the
// features name theirs.
func (r *reader) readJSON(ctx context.Context, s source, t *table, only string) error {
	g := &geojson{draw: drawing{max: r.opt.Limits.Coordinates}}
	mine, row := true, 0
	g.begin = func() error { mine = only == ""; return t.begin(ctx) }
	g.value = func(key, value string) {
		if only != "" && strings.EqualFold(key, "layer") {
			mine = value == only
		}
		t.set(t.column(key), value)
	}
	g.end = func(s shape) error {
		if row++; !mine {
			return nil
		}
		t.rec.row = row
		return t.end(s)
	}
	return r.runJSON(s, g)
}

func (r *reader) shpLayers(s source) ([]layer, error) {
	dbf, ok := s.parts[".dbf"]
	if !ok {
		return nil, broken(CodePartMissing, "Give the .dbf file of the same name with it.", "The shapefile lacks its .dbf file, which has the addresses.")
	}
	c, f, err := r.openDBF(s, dbf)
	if err != nil {
		return nil, err
	}
	c.Close()
	return []layer{{src: s, name: s.stem(), columns: f.columns(), read: func(ctx context.Context, t *table) error { return r.readShp(ctx, s, t) }}}, nil
}

// small reads a short text file of a shapefile.
func (s source) small() (string, error) {
	c, err := s.open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(io.LimitReader(c, 1<<14))
	return string(b), err
}

func (r *reader) checkPRJ(s source) error {
	prj, ok := s.parts[".prj"]
	if !ok {
		r.note(Finding{
			File: s.file, Level: LevelWarning, Code: CodePartMissing,
			Reason: "The shapefile has no .prj file; its coordinates are taken as degrees of WGS 84.", Fix: "Give the .prj file with it.",
		})
		return nil
	}
	text, err := prj.small()
	if err != nil {
		return err
	}
	return prjCRS(text)
}

func (r *reader) openDBF(s, dbf source) (io.Closer, *dbfFile, error) {
	cpg := ""
	if p, ok := s.parts[".cpg"]; ok {
		text, err := p.small()
		if err != nil {
			return nil, nil, err
		}
		cpg = text
	}
	c, err := dbf.open()
	if err != nil {
		return nil, nil, err
	}
	f, err := newDBFFile(c, cpg, r.opt.Limits.Columns)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, f, nil
}

func (r *reader) readShp(ctx context.Context, s source, t *table) error {
	if err := r.checkPRJ(s); err != nil {
		return err
	}
	dc, dbf, err := r.openDBF(s, s.parts[".dbf"])
	if err != nil {
		return err
	}
	defer dc.Close()
	sc, err := s.open()
	if err != nil {
		return err
	}
	defer sc.Close()
	shp, err := newShpFile(sc, r.opt.Limits.Coordinates)
	if err != nil {
		return err
	}
	return r.pairs(ctx, s, t, shp, dbf)
}

// pairs reads the geometries and the rows side by side.
func (r *reader) pairs(ctx context.Context, s source, t *table, shp *shpFile, dbf *dbfFile) error {
	shx := r.openSHX(s)
	cols := t.columns(dbf.columns())
	for {
		deleted, err := dbf.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		at := shp.offset
		sh, words, err := shp.next()
		if errors.Is(err, io.EOF) {
			return broken(CodeDisagree, "Export the shapefile again.", "The .dbf file has more rows than the .shp file has geometries.")
		}
		if err != nil {
			return err
		}
		if shx != nil {
			shx.agree(at, words)
		}
		if err := t.begin(ctx); err != nil {
			return err
		}
		if deleted {
			t.rep.Deleted++
			continue
		}
		for i, c := range cols {
			t.set(c, dbf.value(i))
		}
		if err := t.end(sh); err != nil {
			return err
		}
	}
	if _, _, err := shp.next(); !errors.Is(err, io.EOF) {
		return broken(CodeDisagree, "Export the shapefile again.", "The .shp file has more geometries than the .dbf file has rows.")
	}
	if shx == nil || shx.lie {
		r.note(Finding{
			File: s.file, Table: t.rep.Name, Level: LevelWarning, Code: map[bool]Code{true: CodePartMissing, false: CodeDisagree}[shx == nil],
			Reason: "The .shx file is missing or disagrees with the .shp file, which was read from front to back without it.",
		})
	}
	return nil
}

// openSHX reads the whole index: eight bytes a row.
func (r *reader) openSHX(s source) *shxFile {
	p, ok := s.parts[".shx"]
	if !ok {
		return nil
	}
	c, err := p.open()
	if err != nil {
		return nil
	}
	r.closers = append(r.closers, c)
	x, err := newShxFile(c)
	if err != nil {
		return &shxFile{r: x.r, lie: true}
	}
	return x
}

func (r *reader) gpkgLayers(ctx context.Context, s source) ([]layer, error) {
	disk := s.disk
	if disk == "" {
		var err error
		if disk, err = r.unpack(s); err != nil {
			return nil, err
		}
	}
	g, err := openGeoPackage(ctx, disk, r.opt.Limits)
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, closer(g.close))
	var out []layer
	for _, t := range g.tables {
		out = append(out, layer{src: s, name: t.name, columns: t.columns, read: func(ctx context.Context, into *table) error {
			if err := g.crs(ctx, t); err != nil {
				return err
			}
			cols := into.columns(t.columns)
			return g.rows(ctx, t, func(geom []byte, values []any) error {
				if err := into.begin(ctx); err != nil {
					return err
				}
				for i, v := range values {
					into.set(cols[i], cell(v))
				}
				return into.end(parseBlob(geom, t.srs, r.opt.Limits.Coordinates))
			})
		}})
	}
	return out, nil
}

type closer func()

func (c closer) Close() error { c(); return nil }

// unpack copies a GeoPackage out of an archive into a file of its own, which
// goes away with the reader.
func (r *reader) unpack(s source) (string, error) {
	in, err := s.open()
	if err != nil {
		return "", err
	}
	defer in.Close()
	f, err := os.CreateTemp(r.opt.TempDir, "callbox-layer-*.gpkg")
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", s.file, err)
	}
	r.closers = append(r.closers, closer(func() { _ = os.Remove(f.Name()) }))
	_, err = io.Copy(f, in)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("unpack %s: %w", s.file, err)
	}
	return f.Name(), nil
}
