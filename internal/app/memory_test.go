package app

import (
	"os"
	"path/filepath"
	"testing"
)

// Proves: N-20, E14
func TestTheMemoryLimitFollowsTheMachineAndTheGroup(t *testing.T) {
	const gib = 1 << 30
	part := func(n int64, of float64) int64 { return int64(of * float64(n)) }
	for _, c := range []struct {
		name   string
		files  map[string]string
		wished int64
		want   int64
	}{
		{"a machine without groups", map[string]string{"proc/meminfo": "MemTotal:        8388608 kB\nMemFree: 1 kB\n"}, 0, part(8*gib, ofMachine)},
		{"what is wished wins", map[string]string{"proc/meminfo": "MemTotal:        8388608 kB\n"}, gib, gib},
		{
			"a group of version 2",
			map[string]string{
				"proc/meminfo": "MemTotal: 8388608 kB\n", "proc/self/cgroup": "0::/system.slice/callbox.service\n",
				"sys/fs/cgroup/system.slice/callbox.service/memory.max": "max\n", "sys/fs/cgroup/system.slice/memory.max": "2147483648\n",
			},
			0, part(2*gib, ofGroup),
		},
		{
			"a container that sees the host's path",
			map[string]string{"proc/meminfo": "MemTotal: 8388608 kB\n", "proc/self/cgroup": "0::/docker/0123\n", "sys/fs/cgroup/memory.max": "1073741824\n"},
			0, part(gib, ofGroup),
		},
		{
			"a group of version 1",
			map[string]string{
				"proc/meminfo": "MemTotal: 8388608 kB\n", "proc/self/cgroup": "5:cpu,memory:/box\n0::/\n",
				"sys/fs/cgroup/memory/box/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			},
			0, part(gib, ofGroup),
		},
		{"a group that is too small", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1048576\n"}, 0, leastMemory},
		{"nothing is known", nil, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range c.files {
				file := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got, why := MemoryLimit(root, c.wished); got != c.want || why == "" {
				t.Errorf("limit %d (%s), want %d", got, why, c.want)
			}
		})
	}
}

// A small node collects seldom; a large one does not take twice what it needs.
//
// Proves: N-20
func TestGarbageHasItsRoomAndNoMore(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 20 << 20: 400, 96 << 20: 200, 192 << 20: 100, 600 << 20: 100} {
		if got := garbagePercent(live); got != want {
			t.Errorf("%d MiB live: %d %%, want %d", live>>20, got, want)
		}
	}
}
