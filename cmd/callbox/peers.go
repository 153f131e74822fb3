package main

import (
	"errors"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/live/peer"
)

// peerFlags name the other nodes.
type peerFlags struct {
	Peer       []string `help:"Another node, NAME=https://HOST:PORT: its --node and its --peer-listen; may be repeated. All nodes name all others, and have copies of one master.key." env:"CALLBOX_PEER"`
	PeerListen string   `name:"peer-listen" help:"Address where the other nodes hear this one, ADDRESS:PORT. TLS; only holders of the master key are answered." env:"CALLBOX_PEER_LISTEN"`
}

func (f *peerFlags) peers() (app.PeerConfig, error) {
	c := app.PeerConfig{Listen: f.PeerListen}
	var errs []error
	for _, s := range f.Peer {
		p, err := peer.ParsePeer(s)
		errs = append(errs, err)
		c.Peers = append(c.Peers, p)
	}
	return c, errors.Join(errs...)
}
