package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// MapTables measures calls at a high rate and what their parts cost, location requests, changes of the
// network map, service boundaries, imports and the API, each in a process of its own, and returns their
// parts of docs/benchmarks.md. Program is a callbox binary.
func MapTables(ctx context.Context, program string) (string, error) {
	var held HeldResult
	var publish PublishResult
	var lost LostResult
	var parts VariantsResult
	var imports ImportResult
	var api APIResult
	sip := make([]SIPResult, 3)
	for _, b := range []struct {
		args string
		into any
	}{
		{"sip --rate 200 --seconds 10", &sip[0]},
		{"sip --rate 1000 --seconds 60 --alone 600", &sip[1]}, // alone: three times the ordinary calls that are taken
		{"sip --rate 100 --seconds 200 --ring 15 --talk 180 --no-overload", &sip[2]},
		{"sip --variants", &parts},
		{"held", &held},
		{"publish", &publish},
		{"lost", &lost},
		{"import", &imports},
		{"api", &api},
	} {
		cmd := exec.CommandContext(ctx, program, append([]string{"bench"}, append(strings.Fields(b.args), "--json")...)...)
		var faults bytes.Buffer
		cmd.Stderr = &faults
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("run bench %s: %w: %s", b.args, err, bytes.TrimSpace(faults.Bytes()))
		}
		if err := json.Unmarshal(out, b.into); err != nil {
			return "", fmt.Errorf("read what bench %s says: %w", b.args, err)
		}
	}
	return strings.Join([]string{
		sipTable(sip...), parts.Table(), held.Table(), publish.Table(), lost.Table(), imports.Table(), api.Table(), howToRun,
	}, "\n"), nil
}

// howToRun is the end of docs/benchmarks.md.
const howToRun = `## How to run them

` + "`make bench`" + ` writes this page, in about half an hour, on a machine that does nothing else. It needs SIPp, tshark, Kamailio and PostgreSQL with
PostGIS; what is missing of PostgreSQL is said in the tables. Each table by itself, with ` + "`--json`" + ` for one line of JSON:

| | |
|---|---|
| ` + "`callbox bench`" + ` | call set-up, notices, and all below |
| ` + "`callbox bench sip [--rate N --seconds N]`" + ` | calls at a high rate beside Kamailio, and overload |
| ` + "`callbox bench sip --variants`" + ` | what ladder, references and ELINs cost |
| ` + "`callbox bench held`, `publish`, `lost`" + ` | location requests, changes of the map, boundaries |
| ` + "`callbox bench import [--users N --elements N --network N --engine sqlite]`" + ` | large tables on both engines |
| ` + "`callbox bench api [--users N --rate N --calls N --seconds N]`" + ` | reads over the API while calls run |

` + "`--profile FILE`" + ` writes a processor profile of the server, ` + "`--keep FOLDER`" + ` leaves data and logs, where a benchmark has them.
`
