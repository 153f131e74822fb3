package main

import "github.com/callbox911/callbox/internal/app"

// stirFlags are the flags of signed caller numbers.
type stirFlags struct {
	STIRCert     string   `name:"stir-cert" help:"PEM file of the operator's (delegate) certificate that signs emergency calls, with its chain; none: calls are not signed. Read again each minute and on SIGHUP." type:"path" env:"CALLBOX_STIR_CERT"`
	STIRKey      string   `name:"stir-key" help:"PEM file of its key, on P-256." type:"path" env:"CALLBOX_STIR_KEY"`
	STIRX5U      string   `name:"stir-x5u" help:"https URI at which others find that certificate." env:"CALLBOX_STIR_X5U"`
	STIRPriority bool     `name:"stir-priority" help:"Vouch for Resource-Priority esnet too: only with the authority to do so." env:"CALLBOX_STIR_PRIORITY"`
	STIRRoots    string   `name:"stir-roots" help:"PEM file of the authorities that vouch for those who sign calls; none: signatures are passed on unchecked." type:"path" env:"CALLBOX_STIR_ROOTS"`
	STIRHost     []string `name:"stir-host" help:"Host that certificates of signers may be fetched from; may be repeated." env:"CALLBOX_STIR_HOST"`
}

func (f *stirFlags) stir() app.STIRConfig {
	return app.STIRConfig{Certificate: f.STIRCert, Key: f.STIRKey, X5U: f.STIRX5U, Priority: f.STIRPriority, Roots: f.STIRRoots, Hosts: f.STIRHost}
}
