package voice

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
)

// The worker process reads requests from its standard input, a length of four
// bytes (big endian) and that many bytes of sentence, and answers each on its
// standard output: one byte, 0 for sound and 1 for an error, a length of four
// bytes, and 16 kHz samples (16 bit, little endian) or the error's text. It
// ends when its standard input does, so it never outlives its parent for
// longer than one sentence.
const (
	replySound = 0
	replyError = 1
)

// Serve is the worker process: it speaks what in asks for until in ends. It
// puts the whole process at low priority first. The binary runs it under
// the hidden command that Config.Worker names.
func Serve(ctx context.Context, voice string, in io.Reader, out io.Writer) error {
	lowerPriority()
	wasm, err := embedded()
	if err != nil {
		return err
	}
	e, err := newEngine(ctx, wasm, voice, false)
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx, e, in, out), e.close(ctx))
}

func serve(ctx context.Context, e *engine, in io.Reader, out io.Writer) error {
	for r := bufio.NewReader(in); ; {
		sentence, err := readBlock(r, maxSentence)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read sentence: %w", err)
		}
		reply := []byte{replySound}
		if pcm, err := e.render(ctx, string(sentence)); err != nil {
			reply = appendBlock([]byte{replyError}, []byte(err.Error()))
		} else {
			sound := make([]byte, 0, 2*len(pcm))
			for _, v := range pcm {
				sound = binary.LittleEndian.AppendUint16(sound, uint16(v))
			}
			reply = appendBlock(reply, sound)
		}
		if _, err := out.Write(reply); err != nil {
			return fmt.Errorf("write sound: %w", err)
		}
	}
}

func appendBlock(dst, block []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(block))), block...)
}

// readBlock returns io.EOF only where a block would begin.
func readBlock(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > uint32(limit) {
		return nil, fmt.Errorf("block of %d bytes, %d allowed", size, limit)
	}
	block := make([]byte, size)
	if _, err := io.ReadFull(r, block); err != nil {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return block, nil
}

// process makes speech in a worker process, started when first needed and again
// when it died. Not safe for concurrent use.
type process struct {
	argv   []string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *tail
}

func newProcess(argv []string) *process { return &process{argv: argv} }

// render asks the process. When ctx ends first the process is killed, and the
// next call starts another.
func (p *process) render(ctx context.Context, sentence string) ([]int16, error) {
	if p.cmd == nil {
		if err := p.start(); err != nil {
			return nil, fmt.Errorf("start speech process: %w", err)
		}
	}
	running := p.cmd.Process
	stop := context.AfterFunc(ctx, func() { _ = running.Kill() })
	pcm, err := p.ask(sentence)
	_, alive := errors.AsType[refusal](err)
	if stop() && (err == nil || alive) {
		return pcm, err
	}
	said := p.stderr
	_ = p.close(ctx)
	return nil, fmt.Errorf("speech process: %w%s", errors.Join(context.Cause(ctx), err), said)
}

// refusal is an answer of the process: it lives, and may be asked again.
type refusal string

func (r refusal) Error() string { return "speech process says: " + string(r) }

func (p *process) ask(sentence string) ([]int16, error) {
	if _, err := p.in.Write(appendBlock(nil, []byte(sentence))); err != nil {
		return nil, err
	}
	kind, err := p.out.ReadByte()
	if err != nil {
		return nil, err
	}
	block, err := readBlock(p.out, maxSound)
	if err != nil {
		return nil, err
	}
	if kind != replySound {
		return nil, refusal(block)
	}
	return samples(block), nil
}

func (p *process) start() error {
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	// Nothing of our environment: it may hold secrets. One thread of Go code is
	// enough, and garbage is collected early: an instance is some 20 MiB.
	cmd.Env = []string{"GOMAXPROCS=1", "GOGC=25"}
	cmd.SysProcAttr = ownGroup()
	p.stderr = &tail{}
	cmd.Stderr = p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return errors.Join(err, in.Close())
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.in, p.out = cmd, in, bufio.NewReader(out)
	return nil
}

// close ends the process and waits for it.
func (p *process) close(context.Context) error {
	if p.cmd == nil {
		return nil
	}
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // its status is that of a process that was killed
	p.cmd = nil
	return nil
}

// tail keeps the first lines that a dying process writes, for the log.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write never fails: what is too much is dropped.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b[:min(len(b), 512-min(512, t.buf.Len()))])
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len() == 0 {
		return ""
	}
	return ": " + t.buf.String()
}
