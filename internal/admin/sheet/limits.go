package sheet

// Limits bound what Read takes. Zero values are the defaults.
type Limits struct {
	Bytes   int64 // of the file; default 64 MiB
	Rows    int   // of a sheet, with data; default 20,000 (C-63)
	Columns int   // of a sheet; default 200
	Cell    int   // octets of a cell; default 4096
	Sheets  int   // of a workbook; default 20
	// Unpacked bounds the parts of a workbook that are read, unpacked, together;
	// default 512 MiB. Ratio is how many times its packed size a part may have;
	// default 400, counted from 16 MiB on.
	Unpacked int64
	Ratio    int64
	// Faults is from how many rows that cannot be read on the file is refused as a
	// whole; default 10,000.
	Faults int
}

// AnyRows are the limits of the command line: of rows there may be a million and
// more.
func AnyRows() Limits {
	return Limits{Bytes: 512 << 20, Rows: 2_000_000, Unpacked: 4 << 30}
}

// MaxRows is how many rows of a sheet there may be.
func (l Limits) MaxRows() int { return l.filled().Rows }

func (l Limits) filled() Limits {
	or := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	or64 := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	or64(&l.Bytes, 64<<20)
	or(&l.Rows, 20_000)
	or(&l.Columns, 200)
	or(&l.Cell, 4096)
	or(&l.Sheets, 20)
	or64(&l.Unpacked, 512<<20)
	or64(&l.Ratio, 400)
	or(&l.Faults, 10_000)
	return l
}
