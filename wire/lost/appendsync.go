package lost

// Root is getMappingsRequest.
func (*GetMappingsRequest) Root() Name { return Name{SpaceSync, "getMappingsRequest"} }

// Root is getMappingsResponse.
func (*GetMappingsResponse) Root() Name { return Name{SpaceSync, "getMappingsResponse"} }

// Root is pushMappings.
func (*PushMappings) Root() Name { return Name{SpaceSync, "pushMappings"} }

// Root is pushMappingsResponse.
func (*PushMappingsResponse) Root() Name { return Name{SpaceSync, "pushMappingsResponse"} }

const syncSpaces = ` xmlns:sync="` + SpaceSync + `" xmlns="` + Space + `"`

func (*GetMappingsRequest) message()   {}
func (*GetMappingsResponse) message()  {}
func (*PushMappings) message()         {}
func (*PushMappingsResponse) message() {}

func (e *encoder) encodeGetMappingsRequest(m *GetMappingsRequest) {
	e.str("<sync:getMappingsRequest" + syncSpaces)
	if len(m.Exists) == 0 {
		e.end("sync:getMappingsRequest", m.Extensions)
		return
	}
	if len(m.Extensions) > 0 {
		e.fail("fingerprints and extensions: the grammar of RFC 6739 has one or the other")
	}
	e.str("><sync:exists>")
	for i := range m.Exists {
		f := &m.Exists[i]
		e.in("exists/mapping-fingerprint", i, func() {
			e.str("<sync:mapping-fingerprint")
			e.need("source", f.Source)
			e.need("sourceId", f.SourceID)
			e.time("lastUpdated", f.LastUpdated)
			e.end("sync:mapping-fingerprint", f.Extensions)
		})
	}
	e.str("</sync:exists></sync:getMappingsRequest>")
}

func (e *encoder) encodeGetMappingsResponse(m *GetMappingsResponse) {
	e.str("<sync:getMappingsResponse" + syncSpaces + ">")
	e.mappings(m.Mappings, "")
	e.extensions(m.Extensions)
	e.str("</sync:getMappingsResponse>")
}

func (e *encoder) encodePushMappings(m *PushMappings) {
	e.str("<sync:pushMappings" + syncSpaces + ">")
	e.mappings(m.Mappings, "")
	e.extensions(m.Extensions)
	e.str("</sync:pushMappings>")
}

func (e *encoder) encodePushMappingsResponse(m *PushMappingsResponse) {
	e.str("<sync:pushMappingsResponse" + syncSpaces)
	e.end("sync:pushMappingsResponse", m.Extensions)
}
