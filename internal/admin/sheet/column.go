package sheet

import (
	"github.com/callbox911/callbox/internal/e911"
)

// Kind is a kind of table.
type Kind string

// The kinds of table.
const (
	Users     Kind = "users"
	Devices   Kind = "devices"
	Buildings Kind = "buildings"
	Locations Kind = "locations"
	Elements  Kind = "elements" // of the network
	Numbers   Kind = "numbers"
	Alerts    Kind = "alerts"
	Sites     Kind = "sites"
)

// Kinds lists the kinds in the order in which they are imported: what is named
// comes before what names it.
func Kinds() []Kind {
	return []Kind{Sites, Buildings, Locations, Elements, Users, Devices, Numbers, Alerts}
}

// Object returns the kind of object that a row of the kind is.
func (k Kind) Object() e911.ObjectKind {
	switch k {
	case Users:
		return e911.KindUser
	case Devices:
		return e911.KindDevice
	case Buildings:
		return e911.KindBuilding
	case Locations:
		return e911.KindLocation
	case Elements:
		return e911.KindElement
	case Numbers:
		return e911.KindNumber
	case Alerts:
		return e911.KindAlert
	case Sites:
		return e911.KindSite
	}
	return ""
}

// Form is how the cells of a column are read.
type Form string

// The forms.
const (
	Text     Form = "text"
	Key      Form = "key"      // what the customer names an object by
	Phone    Form = "number"   // a telephone number
	Postal   Form = "postal"   // a postal code
	Hardware Form = "hardware" // a hardware address
	Truth    Form = "truth"    // TRUE or FALSE
	Choice   Form = "choice"   // one of Column.Values
	Degrees  Form = "degrees"
	Addrs    Form = "range" // 203.0.113.0/24, or 203.0.113.7-203.0.113.40
	Verbatim Form = "verbatim"
)

// Column is one column of a kind of table.
type Column struct {
	// Name is that of world.yaml and of the REST API. One that ends in ":" begins
	// the names of a family of columns: "alert:" and the key of an alert.
	Name    string
	Aliases []string // other headings that are understood, in any case
	Form    Form
	// Required: a row that makes an object needs it.
	Required bool
	// ReadOnly columns are exported, and passed over in an import.
	ReadOnly bool
	// Only for importing: the exporter leaves it out.
	Input bool
	// List cells hold several values, with semicolons between them.
	List bool
	// Values are the words that are allowed; empty: any.
	Values  []string
	Example string
	Help    string
}

// Columns lists the columns of a kind, in the order of templates and exports;
// nil for what is no kind. The caller may change the list.
func Columns(kind Kind) []Column { return columnsOf(kind) }
