package app

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/sim/mail"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// SimPhoneConfig is one call of a simulated phone.
type SimPhoneConfig struct {
	Number, Listen, Server, Transport, Line, UserID string
	HELD, HELDFrom, CompanyID, Secret               string
	Chassis, Port, BSSID, MAC                       string
	Seconds                                         int
	WAV                                             string
	Out                                             io.Writer
}

// SimPhone locates the phone where HELD is set, dials, and tells what happens.
func SimPhone(ctx context.Context, c SimPhoneConfig) error {
	var errs []error
	addr := func(s, what string) netip.AddrPort {
		a, err := netip.ParseAddrPort(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: write ADDRESS:PORT: %w", what, err))
		}
		return a
	}
	cfg := phone.Config{
		Listen: addr(c.Listen, "listen"), Proxy: addr(c.Server, "server"), Transport: c.Transport, Number: c.Line, UserID: c.UserID,
		HELDURL: c.HELD, CompanyID: c.CompanyID, Secret: c.Secret, LLDPChassis: c.Chassis, LLDPPort: c.Port, BSSID: c.BSSID, MAC: c.MAC,
	}
	if c.HELDFrom != "" {
		a, err := netip.ParseAddr(c.HELDFrom)
		if err != nil {
			errs = append(errs, fmt.Errorf("held-from: %w", err))
		}
		cfg.HELDFrom = a
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	p, err := phone.New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx) // ends with ctx
	}()
	defer func() { cancel(); <-done }()
	d := phone.Dialling{Number: c.Number}
	if c.HELD != "" {
		where, err := p.Locate(ctx)
		if err != nil {
			fmt.Fprintln(c.Out, "no location:", err) // a phone dials all the same
		}
		d.Location = where.URI
		if where.Document != nil {
			for _, l := range where.Document.Locations() {
				if a := l.Geopriv.Civic(); a != nil {
					fmt.Fprintln(c.Out, "location:", civic.Display(civic.FromPIDF(a)))
				}
			}
		}
	}
	return simCall(ctx, p, d, c)
}

func simCall(ctx context.Context, p *phone.Phone, d phone.Dialling, c SimPhoneConfig) error {
	call, err := p.Dial(ctx, d)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Out, "dialled", d.Number)
	e, err := call.WaitAnswer(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Out, "answered:", e.Msg.Start)
	end := time.NewTimer(time.Duration(c.Seconds) * time.Second)
	defer end.Stop()
	over := false
	for !over {
		select {
		case e, open := <-call.Events():
			if !open || e.State == ua.Ended {
				fmt.Fprintln(c.Out, "the other side hung up")
				over = true
			}
		case <-end.C:
			over = true
			if err := call.Hangup(); err != nil {
				return err
			}
			fmt.Fprintln(c.Out, "hung up")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	pcm, packets := call.Media.Heard()
	fmt.Fprintf(c.Out, "heard %d packets, %.1f s\n", packets, float64(len(pcm))/16000)
	if c.WAV != "" {
		return writeWAV(c.WAV, pcm)
	}
	return nil
}

// writeWAV writes 8 kHz 16-bit mono.
func writeWAV(path string, pcm []byte) error {
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(head[4:], uint32(36+len(pcm)))
	binary.LittleEndian.PutUint32(head[40:], uint32(len(pcm)))
	if err := os.WriteFile(path, append(head, pcm...), 0o600); err != nil {
		return fmt.Errorf("write what was heard: %w", err)
	}
	return nil
}

// SimPSAPConfig is a simulated PSAP.
type SimPSAPConfig struct {
	Listen, Behaviour string
	RingMS, AfterMS   int
	Back              string
	Out               io.Writer
}

// SimPSAP runs a simulated PSAP until ctx ends and prints every call.
func SimPSAP(ctx context.Context, c SimPSAPConfig) error {
	listen, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: write ADDRESS:PORT: %w", err)
	}
	back, err := netip.ParseAddrPort(c.Back)
	if err != nil {
		return fmt.Errorf("back: write ADDRESS:PORT: %w", err)
	}
	p, err := psap.New(psap.Config{
		Listen: listen, Behaviour: psap.Behaviour(c.Behaviour), Back: back,
		RingFor: time.Duration(c.RingMS) * time.Millisecond, After: time.Duration(c.AfterMS) * time.Millisecond,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "%s (%s) at %s\n", psap.Name, c.Behaviour, p.Addr())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for {
		select {
		case r := <-p.Calls():
			fmt.Fprintf(c.Out, "\n%s call from %s, callback %s\n%s\n", r.At.Format(time.TimeOnly), r.Invite.Source, r.Asserted, r.Invite.Raw)
		case err := <-done:
			return err
		}
	}
}

// SimMail runs a simulated mail server until ctx ends and prints every mail.
func SimMail(ctx context.Context, listen string, out io.Writer) error {
	s, err := mail.Listen(mail.Config{Addr: listen})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Fprintf(out, "simulated mail server at %s\n", s.Addr())
	for n := 1; ; n++ {
		all, err := s.Await(ctx, n)
		if err != nil {
			return nil //nolint:nilerr // Await fails only with ctx, which is how this ends
		}
		m := all[n-1]
		fmt.Fprintf(out, "\n%s to %s: %s\n%s\n", m.At.Format(time.TimeOnly), m.To, m.Subject, m.Text)
	}
}
