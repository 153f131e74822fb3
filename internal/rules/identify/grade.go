package identify

import "github.com/callbox911/callbox/internal/e911"

// Grade says how good an emergency callback number is (W-05).
type Grade string

// The grades.
const (
	Recommended    Grade = "RECOMMENDED"     // in service, and a person or a workspace answers
	NotRecommended Grade = "NOT_RECOMMENDED" // in service, and something else answers, or nobody said what
	Invalid        Grade = "INVALID"         // never given to a PSAP
)

// Numbers knows the numbers of an organisation; *snapshot.Org does.
type Numbers interface {
	Number(e911.Number) (e911.NumberRec, bool)
}

// GradeOf grades a number and says why. A number that is none of the
// organisation's can be right, a security firm's or an agent's mobile (N-10,
// F-30), and then somebody has to know who answers it.
func GradeOf(o Numbers, n e911.Number) (Grade, string) {
	if n == "" {
		return Invalid, "there is no number"
	}
	if fault := CallbackFault(n); fault != "" {
		return Invalid, fault
	}
	rec, ok := o.Number(n)
	if !ok {
		return NotRecommended, "it is none of the organisation's numbers, and nothing is known of who answers it"
	}
	if !rec.InService() {
		return Invalid, "it is not in service"
	}
	switch rec.Answers() {
	case e911.OwnerPerson:
		return Recommended, "it is in service, and a person answers it"
	case e911.OwnerWorkspace:
		return Recommended, "it is in service, and a telephone of a workspace rings"
	case e911.OwnerVirtualLine:
		return NotRecommended, "it is a virtual line: who answers depends on who has it"
	case e911.OwnerAutoAttendant:
		return NotRecommended, "an auto attendant answers it"
	case e911.OwnerHuntGroup:
		return NotRecommended, "it is a hunt group's: who answers depends on who is there"
	case "":
		return NotRecommended, "nothing says who answers it"
	}
	return NotRecommended, "neither a person nor a workspace answers it"
}
