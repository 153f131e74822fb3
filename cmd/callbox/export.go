package main

type exportCmd struct {
	Table exportTableCmd `cmd:"" default:"withargs" help:"Write a table that an import takes back: users, devices, buildings and so on (the default)."`
	Teams exportTeamsCmd `cmd:"" help:"Write places and network elements for Microsoft Teams: CSV files, and the PowerShell script that applies them."`
	Cer   exportCERCmd   `cmd:"" name:"cer" help:"Write ERLs, switch ports and IP subnets for Cisco Emergency Responder."`
	Psali psaliExportCmd `cmd:"" name:"psali" help:"Write the records for a carrier's ALI database: callbox psali export."`
}
