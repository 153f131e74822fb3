// Package sheet is the one place that knows the columns of every table an
// administrator fills: users, devices, buildings, locations, network elements,
// numbers, alerts and sites. Templates, importer, exporter and the page in docs
// are made of the same list, so that they cannot differ (N-18).
//
// Read takes CSV in whatever form a spreadsheet left it, and XLSX; Import turns a
// table into a change.Set; Export writes what is stored so that importing it
// again changes nothing. What a spreadsheet has spoiled is mended where it is
// certain what it was, with a notice, and is a fault of its row otherwise.
package sheet
