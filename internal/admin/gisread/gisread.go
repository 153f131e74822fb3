// Package gisread reads published GIS files into a reference layer: NENA-STA-006
// v2 and v3 (GeoPackage, GeoJSON, CSV, shapefile), TIGER/Line ADDRFEAT
// (shapefile, GeoJSON) and OpenAddresses (CSV, GeoJSON lines), alone, in a
// directory or in a zip archive. Every row that is left out, and every doubt
// about one that is kept, stands in the report with its reason.
//
// Files come from outside: all sizes are bounded, nothing in a file is run, and
// rows are read one at a time. Kept over the rows are 64-bit hashes of NGUIDs,
// the numbers of each range, and the service boundaries.
package gisread

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// File is one file as the operator names it. Without R it is opened at Path,
// which may be a directory: all files directly in it are read then.
type File struct {
	Name string // for the report; its end (".gpkg") and its stem may tell the table; empty takes Path
	Path string
	R    io.ReaderAt
	Size int64 // of R in bytes
}

// Policy says what to do with what nobody knows.
type Policy uint8

// The policies.
const (
	Tell   Policy = iota // list it in the report and read on
	Refuse               // the file is refused
)

// Options of one reading. The zero value is usable.
type Options struct {
	// Defaults are the areas (Country, A1 to A5, PC, PCN) of rows that name
	// none. TIGER/Line and OpenAddresses often lack the state.
	Defaults e911.Civic
	// Standard is used where the content does not tell: one of the Standard
	// constants.
	Standard string
	// Service is the URN of boundaries that name none; the name of the table
	// goes first ("FireBoundary").
	Service        string
	UnknownLayers  Policy
	UnknownColumns Policy
	Now            time.Time // counts rows that are expired or not yet in effect; zero counts none
	TempDir        string    // for a GeoPackage out of an archive; empty is the system's
	Limits         Limits
}

// Limits bound what a file may ask of us. Zero fields take the default.
type Limits struct {
	FileBytes   int64 // of one file, unpacked: 8 GiB
	ZipBytes    int64 // of all files of an archive, unpacked: 16 GiB
	ZipRatio    int64 // unpacked to packed bytes of one file beyond its first 16 MiB: 200
	ZipFiles    int   // 2,000
	Rows        int   // of all tables: 30 million
	Coordinates int   // of one feature: 4 million
	Text        int   // bytes of one value other than a geometry: 64 KiB
	Columns     int   // of one table: 2,000
	Findings    int   // that the report lists; all are counted: 5,000
}

// The standards that are recognised (e911.Layer.Standard).
const (
	StandardNENA2         = "NENA-STA-006.2"
	StandardNENA3         = "NENA-STA-006.3"
	StandardTIGER         = "TIGER/Line"
	StandardOpenAddresses = "OpenAddresses"
)

// Report tells what was read and what was not. It is complete up to the place
// where an error stopped the reading.
type Report struct {
	// Standard of the content, joined by " + " where there are several.
	Standard string         `json:"standard"`
	Tables   []Table        `json:"tables"`
	Ignored  []string       `json:"ignored,omitempty"` // files that are no GIS data ("SOURCE.md")
	Findings []Finding      `json:"findings,omitempty"`
	Counts   map[string]int `json:"counts,omitempty"` // of every code, listed or not
	Unlisted int            `json:"unlisted,omitempty"`
	Read     int            `json:"read"`
	Kept     int            `json:"kept"`
	Refused  int            `json:"refused"`
	Warnings int            `json:"warnings"`
	Hints    []string       `json:"hints,omitempty"` // about the data set as a whole, whole sentences
}

// Table is one table of one file. Kind is its name in NENA-STA-006.3
// ("RoadCenterLine"), "TIGER ADDRFEAT", "OpenAddresses", or empty when nobody
// knows it.
type Table struct {
	File     string   `json:"file"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind,omitempty"`
	Standard string   `json:"standard,omitempty"`
	Used     bool     `json:"used"`
	Why      string   `json:"why,omitempty"` // not used: "known, not used", "unknown"
	Read     int      `json:"read"`
	Kept     int      `json:"kept"`
	Refused  int      `json:"refused"`
	Warned   int      `json:"warned"`            // warnings; a row may have several
	Deleted  int      `json:"deleted,omitempty"` // rows marked as deleted in a dBASE file
	Expired  int      `json:"expired,omitempty"` // kept; Options.Now is at or after Expire
	Future   int      `json:"future,omitempty"`  // kept; Options.Now is before Effective
	Turned   int      `json:"turned,omitempty"`  // features with rings that ran the wrong way round
	Unknown  []string `json:"unknown_columns,omitempty"`
}

// Level says what a finding did.
type Level string

// The levels.
const (
	LevelFile    Level = "file"    // the file cannot be used; Read returned an error
	LevelRefused Level = "refused" // the row was left out
	LevelWarning Level = "warning" // the row was kept, as Reason says
)

// Finding is one fault in a file. Row counts the features of the table from 1;
// 0 is the table or the file. Reason and Fix are English sentences that hold no
// part of an address.
type Finding struct {
	File   string `json:"file"`
	Table  string `json:"table,omitempty"`
	Row    int    `json:"row,omitempty"`
	NGUID  string `json:"nguid,omitempty"`
	Column string `json:"column,omitempty"`
	Level  Level  `json:"level"`
	Code   Code   `json:"code"`
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
}

// String writes the finding on one line.
func (f Finding) String() string {
	s := f.File
	if f.Table != "" {
		s += " " + f.Table
	}
	if f.Row > 0 {
		s += fmt.Sprintf(" row %d", f.Row)
	}
	if f.NGUID != "" {
		s += " (" + f.NGUID + ")"
	}
	if f.Column != "" {
		s += " " + f.Column
	}
	s += ": " + string(f.Level) + ": " + string(f.Code) + ": " + f.Reason
	if f.Fix != "" {
		s += " " + f.Fix
	}
	return s
}

// Read hands every feature of the files to sink: service boundaries first, so
// that addresses outside of all of them can be told, then address points and
// streets. An Invalid error means that a file could not be read whole: what the
// sink has then is not a layer and must be dropped. Rows that were left out are
// no error. Other errors are of the machine or of ctx.
func Read(ctx context.Context, files []File, opt Options, sink gis.Sink) (Report, error) {
	if len(files) == 0 || sink == nil {
		return Report{}, e911.Errorf(e911.Invalid, "reading GIS data needs a file and a sink")
	}
	r, err := newReader(opt, sink)
	if err != nil {
		return Report{}, err
	}
	err = r.run(ctx, files)
	return r.finish(), err
}
