package sheet

import (
	"slices"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// confine refuses the rows that touch what is not of the sites in the options, as it
// is stored or as it would be (W-28). What is of no site is nobody's who looks after
// some alone. It tells no one whether another site has such an object.
func (im *importer) confine() {
	if im.o.Sites == nil {
		return
	}
	const msg, fix = "this is not of a site that you look after", "leave the row out, or ask an administrator of the organisation"
	for _, ref := range im.order {
		st := im.staged[ref]
		was, had := im.s.group(ref.Kind).stored[ref.ID]
		if !im.within(st.value) || had && !im.within(was.Value) {
			im.fault(st.line, im.siteColumn(), check.Forbidden, msg, fix)
		}
	}
	for _, d := range im.gone {
		if !im.within(d.o.Value) {
			im.fault(d.line, im.siteColumn(), check.Forbidden, msg, fix)
		}
	}
}

// siteColumn is the column that a fault of a site stands in.
func (im *importer) siteColumn() string {
	for _, name := range []string{"site", "building", "location"} {
		if im.at[name] > 0 {
			return name
		}
	}
	return im.columns[0].Name
}

// within reports whether an object is of one of the sites in the options; all are
// where there are none.
func (im *importer) within(value any) bool {
	if im.o.Sites == nil {
		return true
	}
	site := im.siteOf(value)
	return site != "" && slices.Contains(im.o.Sites, site)
}

// siteOf is the site of an object; none: it is of the organisation.
func (im *importer) siteOf(value any) e911.SiteID {
	up := func(kind e911.ObjectKind, id string) e911.SiteID {
		if o, ok := im.s.byID(kind, id); ok && id != "" {
			return im.siteOf(o.Value)
		}
		return ""
	}
	switch v := value.(type) {
	case e911.Site:
		return v.ID
	case e911.Building:
		return v.Site
	case e911.Location:
		return up(e911.KindBuilding, string(v.Building))
	case e911.Element:
		return up(e911.KindLocation, string(v.Location))
	case e911.User:
		return v.Site
	case e911.Device:
		return v.Site
	case e911.NumberRec:
		return v.Site
	case e911.Alert:
		return v.Site
	}
	return ""
}
