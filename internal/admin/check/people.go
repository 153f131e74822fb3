package check

import (
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
)

func (c *checker) user(v e911.User) {
	c.key(v.Key)
	c.refers("site", e911.KindSite, v.Org, string(v.Site), true)
	c.text("name", v.Name, true)
	if v.Email != "" {
		c.mail("email", v.Email)
	}
	c.callback("callback", v.Callback, c.demonstration(v.Org))
	c.ecbn(v.ECBN, v.Org, v.Site)
	c.deviceUserID(v)
	c.spoken("language", v.Language)
	if v.OffPremises != nil {
		c.consented("off_premises.", *v.OffPremises)
	}
}

// deviceUserID is compared exactly with what a platform sends (F-13), so two
// users never have the same one, and none that a caller might dial for help.
func (c *checker) deviceUserID(v e911.User) {
	id := v.DeviceUserID
	c.text("device_user_id", id, false)
	if id == "" {
		return
	}
	if reserved(id) {
		c.reserved("device_user_id", id)
	}
	if strings.ContainsAny(id, ",;\"<> ") {
		c.add("device_user_id", Syntax, "a user's id in a header holds no blank, comma, semicolon, quote or bracket", "write it as the platform sends it")
	}
	if o, taken := c.other(e911.KindUser, v.Org, admin.ByDeviceUserID, id); taken {
		c.add("device_user_id", Duplicate, fmt.Sprintf("the user %s has it too", o.(e911.User).Key), "a platform's id names one person")
	}
}

func (c *checker) device(v e911.Device) {
	c.key(v.Key)
	c.refers("site", e911.KindSite, v.Org, string(v.Site), true)
	c.refers("user", e911.KindUser, v.Org, string(v.User), false)
	c.refers("model", e911.KindModel, "", string(v.Model), false)
	if reserved(v.Key) {
		c.reserved("key", v.Key)
	}
	if v.MAC != "" {
		c.mac("mac", v.MAC, "device")
		if o, taken := c.other(e911.KindDevice, v.Org, admin.ByMAC, string(v.MAC)); taken {
			c.add("mac", Duplicate, fmt.Sprintf("the device %s has it too", o.(e911.Device).Key), "compare it with the label of the device")
		}
	}
	if v.SIP != nil {
		c.sip(v)
	}
	c.ecbn(v.ECBN, v.Org, v.Site)
	c.station(v)
	s, ok := lookup[e911.Site](c, e911.KindSite, v.Org, string(v.Site))
	if !ok || s.Mode != e911.ModeTN || !s.ModeAcknowledged.Zero() || !c.moves(v) {
		return
	}
	path, why := "model", "this one asks for its own location"
	if v.Class() != "" {
		path, why = "station.class", "this one is stated as one that moves"
	}
	c.add(path, Forbidden, fmt.Sprintf("the site %s is in TN mode, for devices that do not move, and %s (F-20)", s.Key, why),
		"put it on a site of mode dynamic")
}

func (c *checker) number(v e911.NumberRec) {
	c.refers("site", e911.KindSite, v.Org, string(v.Site), true)
	c.refers("user", e911.KindUser, v.Org, string(v.User), false)
	c.refers("location", e911.KindLocation, v.Org, string(v.Location), false)
	if v.Number == "" {
		c.add("number", Required, "the number is missing", "write it as +16175550100")
		return
	}
	if !c.numberForm("number", v.Number) {
		return
	}
	if _, taken := c.other(e911.KindNumber, v.Org, admin.ByNumber, string(v.Number)); taken {
		c.add("number", Duplicate, "the organisation has this number already", "a number stands once, with one owner and one address")
	}
	if v.ELIN {
		c.elin(v)
	}
	c.service(v)
}

// elin is what a number must be that stands for a place on a PSAP's screen, and
// that the PSAP calls back.
func (c *checker) elin(v e911.NumberRec) {
	c.callback("number", v.Number, c.demonstration(v.Org))
	if v.Location == "" {
		c.add("location", Required, "an ELIN stands for a location", "name the location whose address the PSAP shall see")
	}
}

// Withdrawn refuses to let go of a number of which a carrier holds a record: a
// PSAP would go on seeing our address for it, whoever has it next.
func Withdrawn(v e911.NumberRec) []e911.Fault {
	if !alirecord.Held(v.Record()) {
		return nil
	}
	return []e911.Fault{{
		Path: "elin", Code: Forbidden, Msg: fmt.Sprintf("the carrier's ALI database holds a record of %s", v.Number),
		Fix: "keep the number with elin: false, run callbox psali export and answer, and delete it when its deletion was accepted",
	}}
}
