package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// MapTables measures calls at a high rate, location requests, changes of the network map and service
// boundaries, each in a process of its own, and returns their parts of docs/benchmarks.md. Program
// is a callbox binary.
func MapTables(ctx context.Context, program string) (string, error) {
	var held HeldResult
	var publish PublishResult
	var lost LostResult
	sip := make([]SIPResult, 3)
	for _, b := range []struct {
		args string
		into any
	}{
		{"sip --rate 200 --seconds 10", &sip[0]},
		{"sip --rate 1000 --seconds 60 --alone 600", &sip[1]}, // alone: three times the ordinary calls that are taken
		{"sip --rate 100 --seconds 200 --ring 15 --talk 180 --no-overload", &sip[2]},
		{"held", &held},
		{"publish", &publish},
		{"lost", &lost},
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
	return sipTable(sip...) + "\n" + held.Table() + "\n" + publish.Table() + "\n" + lost.Table(), nil
}
