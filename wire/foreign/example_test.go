package foreign_test

import (
	"fmt"

	"github.com/callbox911/callbox/wire/foreign"
)

// A vendor's element is put into a document of the packages beside this one.
func ExampleParse() {
	e, err := foreign.Parse(`<v:desk xmlns:v="urn:vendor">17</v:desk>`)
	fmt.Println(e.Space, e.Local, err)
	fmt.Println(e.XML)
	fmt.Println(foreign.Element{Space: "urn:vendor", Local: "desk", XML: "<v:desk>17</v:desk>"}.Check())
	// Output:
	// urn:vendor desk <nil>
	// <v:desk xmlns="" xmlns:v="urn:vendor">17</v:desk>
	// foreign element desk: not well-formed at byte 8: the namespace of "v" is not declared in the element
}
