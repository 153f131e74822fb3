package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// MapTables measures location requests, changes of the network map and service
// boundaries, each in a process of its own, and returns their parts of docs/benchmarks.md. Program
// is a callbox binary.
func MapTables(ctx context.Context, program string) (string, error) {
	var held HeldResult
	var publish PublishResult
	var lost LostResult
	for _, b := range []struct {
		name string
		into any
	}{{"held", &held}, {"publish", &publish}, {"lost", &lost}} {
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
	return held.Table() + "\n" + publish.Table() + "\n" + lost.Table(), nil
}
