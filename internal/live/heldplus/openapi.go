package heldplus

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// object is a JSON object of the OpenAPI document (OpenAPI 3.1.0); keys come out
// sorted.
type object = map[string]any

// document describes the routes. It is made once, when the server is.
func document(routes []route) ([]byte, error) {
	d := describer{schemas: object{}}
	problem := d.ref(reflect.TypeFor[Problem]())
	paths := object{}
	for i := range routes {
		rt := &routes[i]
		path, _ := paths[Prefix+rt.path].(object)
		if path == nil {
			path = object{}
			paths[Prefix+rt.path] = path
		}
		op := object{
			"operationId": rt.name, "summary": rt.summary,
			"responses": object{
				"200": object{"description": "The answer.", "content": object{"application/json": d.media(rt.out)}},
				"default": object{
					"description": "An error (RFC 9457). 401: sign in again; 422: faults name field, rule and fix; 429: Retry-After says when.",
					"content":     object{"application/problem+json": object{"schema": problem}},
				},
			},
		}
		if rt.open {
			op["security"] = []any{object{}, object{"session": []any{}}}
		}
		if rt.in != nil {
			op["requestBody"] = object{"required": true, "content": object{"application/json": d.media(rt.in)}}
		}
		var params []any
		if strings.HasSuffix(rt.path, "{id}") {
			params = append(params, object{"name": "id", "in": "path", "required": true, "schema": object{"type": "string"}})
		}
		for _, p := range rt.query {
			params = append(params, object{"name": p.name, "in": "query", "description": p.doc, "schema": object{"type": "string"}})
		}
		if params != nil {
			op["parameters"] = params
		}
		path[strings.ToLower(rt.method)] = op
	}
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "HELD+", "version": "1.0.0",
			"description": "Where is this device, and where is its user? Keys may be added to answers at any time; a client leaves out what it does not know. Times are RFC 3339 in UTC.",
		},
		"security": []any{object{"session": []any{}}}, "paths": paths,
		"components": object{
			"schemas":         d.schemas,
			"securitySchemes": object{"session": object{"type": "http", "scheme": "bearer", "description": "the token of signIn"}},
		},
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return out, nil
}

// describer makes JSON Schemas (draft 2020-12) of Go types.
type describer struct{ schemas object }

func (d *describer) media(example any) object {
	return object{"schema": d.ref(reflect.TypeOf(example)), "example": example}
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	civicType = reflect.TypeFor[e911.Civic]()
)

// ref describes a type; structs by reference.
func (d *describer) ref(t reflect.Type) object {
	t = plainType(t)
	switch {
	case t == timeType:
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Struct:
		if _, there := d.schemas[t.Name()]; !there {
			d.schemas[t.Name()] = nil // a type may hold itself
			d.schemas[t.Name()] = d.object(t)
		}
		return object{"$ref": "#/components/schemas/" + t.Name()}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": d.ref(t.Elem())}
	}
	panic("heldplus: no schema for " + t.String()) // a type of this package's own
}

func (d *describer) object(t reflect.Type) object {
	props := object{}
	var required []any
	for f := range t.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		s := d.ref(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" {
			s["description"] = doc
		}
		if t == civicType {
			s["description"] = "element " + name + " of PIDF-LO"
		}
		if words := f.Tag.Get("enum"); words != "" {
			var enum []any
			for w := range strings.SplitSeq(words, ",") {
				enum = append(enum, w)
			}
			s["enum"] = enum
		}
		props[name] = s
		if !strings.Contains(opts, "omit") {
			required = append(required, name)
		}
	}
	out := object{"type": "object", "properties": props}
	if required != nil {
		out["required"] = required
	}
	return out
}
