package voice

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// voices are the voices of the module that speak at 16 kHz: one woman, then
// three men, the last a diphone voice that needs a third of the CPU.
var voices = []string{"slt", "rms", "awb", "kal16"}

const (
	// maxSentence is the longest sentence in bytes; 600 are some 40 s of speech.
	maxSentence = 600
	// maxSound bounds what one sentence may sound, in bytes of 16 kHz samples.
	maxSound = 120 * 2 * Rate * 2
	// memoryPages bounds the module's memory, in pages of 64 KiB: 128 MiB. It
	// starts with 17 MiB and had 43 MiB after 33 s of speech (measured).
	memoryPages = 2048
)

// engine runs the flite module in this process. Each sentence gets an instance
// of its own, closed after it, because flite never gives memory back. Not safe
// for concurrent use.
type engine struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
	voice   string
}

// newEngine compiles the module, once; the machine code stays in memory. With
// interruptible, it checks in every loop whether the context has ended, and
// lets the scheduler in: six times the CPU.
func newEngine(ctx context.Context, wasm []byte, voice string, interruptible bool) (*engine, error) {
	if !slices.Contains(voices, voice) {
		return nil, fmt.Errorf("voice %q is none of %v", voice, voices)
	}
	cfg := wazero.NewRuntimeConfig().WithCloseOnContextDone(interruptible).WithMemoryLimitPages(memoryPages)
	rt := wazero.NewRuntimeWithConfig(ctx, cfg)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return nil, errors.Join(fmt.Errorf("make wasi: %w", err), rt.Close(ctx))
	}
	m, err := rt.CompileModule(ctx, wasm)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compile speech module: %w", err), rt.Close(ctx))
	}
	return &engine{runtime: rt, module: m, voice: voice}, nil
}

// render returns the sentence as 16 kHz samples.
func (e *engine) render(ctx context.Context, sentence string) ([]int16, error) {
	file := &sink{limit: maxSound + 1024} // header and samples
	cfg := wazero.NewModuleConfig().WithName("").
		WithArgs("flite", "-voice", e.voice, "-o", "/"+sinkName, "-t", sentence).
		WithFSConfig(wazero.NewFSConfig().WithFSMount(file, "/"))
	m, err := e.runtime.InstantiateModule(ctx, e.module, cfg)
	if m != nil {
		err = errors.Join(err, m.Close(ctx))
	}
	// Returning from main is an exit with code 0.
	var exit *sys.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 0) {
		return nil, fmt.Errorf("run speech module: %w", err)
	}
	return parseWAV(file.data)
}

func (e *engine) close(ctx context.Context) error { return e.runtime.Close(ctx) }

// parseWAV returns the samples of a 16 kHz, 16 bit, one channel RIFF file.
func parseWAV(b []byte) ([]int16, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errors.New("speech module wrote no wave file")
	}
	format := false
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if size > len(b) {
			return nil, fmt.Errorf("wave chunk %q is cut short", id)
		}
		chunk := b[:size]
		switch {
		case id == "fmt ":
			if size < 16 || binary.LittleEndian.Uint16(chunk) != 1 || binary.LittleEndian.Uint16(chunk[2:]) != 1 ||
				binary.LittleEndian.Uint32(chunk[4:]) != 2*Rate || binary.LittleEndian.Uint16(chunk[14:]) != 16 {
				return nil, errors.New("wave file is not 16 kHz, 16 bit, one channel")
			}
			format = true
		case id == "data" && format:
			return samples(chunk), nil
		}
		b = b[min(len(b), size+size%2):] // chunks begin at even offsets
	}
	return nil, errors.New("wave file has no samples")
}

// samples reads 16 bit little endian samples; an odd byte at the end is left.
func samples(b []byte) []int16 {
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}
