package app

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/callback"
	"github.com/callbox911/callbox/internal/live/peer"
	"github.com/callbox911/callbox/internal/rules/elinpool"
)

// PeerConfig is what nodes need to know of each other (F-07, F-08). All nodes
// have copies of one master key, by which they prove themselves.
type PeerConfig struct {
	Listen string // address:port where the others ask; empty: this node is alone
	Peers  []peer.Peer
}

// peerFaults are those of the configuration that New of the room cannot see.
func (c Config) peerFaults() []error {
	var errs []error
	if len(c.Peer.Peers) > 0 && c.Peer.Listen == "" {
		errs = append(errs, errors.New("peer-listen: name an address where the other nodes hear this one, such as --peer-listen 192.0.2.1:5670"))
	}
	if len(c.Peer.Peers) == 0 && c.Peer.Listen != "" {
		errs = append(errs, errors.New("peer: name the other nodes, such as --peer n2=https://192.0.2.2:5670"))
	}
	return errs
}

// openPeers binds where other nodes ask, and makes what hears them. What they
// tell enters the same memories as the journal's own facts do at a start.
func (s *Server) openPeers() error {
	if len(s.cfg.Peer.Peers) == 0 {
		return nil
	}
	l, err := net.Listen("tcp", s.cfg.Peer.Listen)
	if err != nil {
		return fmt.Errorf("listen for other nodes: %w", err)
	}
	s.peerL = l
	s.peers, err = peer.New(peer.Config{
		Node: s.cfg.Node, Ring: s.ring, Peers: s.cfg.Peer.Peers, Listener: l, Feed: s.journal,
		Last:  func() uint64 { return s.journal.Stat().Synced },
		Hear:  s.hearNode,
		Held:  func(n e911.Number) []journal.Fact { return s.backs.Held(n) },
		SIP:   s.sipForNodes,
		Alarm: func(a journal.Alarm) { s.alarm("", a) },
		Now:   s.cfg.Now, Log: s.cfg.Log,
	})
	if err != nil {
		return fmt.Errorf("wire the other nodes: %w", err)
	}
	return nil
}

// hearNode takes up a fact of another node.
func (s *Server) hearNode(node string, f journal.Fact) error {
	return errors.Join(s.lis.Hear(f), s.plus.Restore(f), s.phones.Hear(node, f), s.backs.Hear(node, f))
}

// sipForNodes lists where this node takes calls of others.
func (s *Server) sipForNodes() (out []peer.SIP) {
	for _, l := range s.edge.Listeners() {
		out = append(out, peer.SIP{Transport: l.Network, Addr: l.Addr})
	}
	return out
}

// nodes is what callbacks know of the other nodes; nil: there is none.
func (s *Server) nodes() callback.Nodes {
	if s.peers == nil {
		return nil
	}
	return s.peers
}

// share is this node's part of each ELIN pool.
func (s *Server) share() elinpool.Node {
	all := []string{s.cfg.Node}
	for _, p := range s.cfg.Peer.Peers {
		all = append(all, p.Name)
	}
	return elinpool.NodeOf(s.cfg.Node, all)
}

func (s *Server) runPeers(ctx context.Context) error {
	if s.peers == nil {
		<-ctx.Done()
		return nil
	}
	return s.peers.Run(ctx)
}
