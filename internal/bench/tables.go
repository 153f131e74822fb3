package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// MapTables measures location requests and changes of the network map, each in
// a process of its own, and returns their parts of docs/benchmarks.md. Program
// is a callbox binary.
func MapTables(ctx context.Context, program string) (string, error) {
	var held HeldResult
	var publish PublishResult
	for _, b := range []struct {
		name string
		into any
	}{{"held", &held}, {"publish", &publish}} {
		cmd := exec.CommandContext(ctx, program, "bench", b.name, "--json")
		var faults bytes.Buffer
		cmd.Stderr = &faults
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("run bench %s: %w: %s", b.name, err, bytes.TrimSpace(faults.Bytes()))
		}
		if err := json.Unmarshal(out, b.into); err != nil {
			return "", fmt.Errorf("read what bench %s says: %w", b.name, err)
		}
	}
	return held.Table() + "\n" + publish.Table(), nil
}
