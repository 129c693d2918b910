package api

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

//go:generate go test -run TestDocument -update .

func (s *Server) document() []byte {
	doc := s.huma.OpenAPI()
	schemas := doc.Components.Schemas
	schemas.Schema(reflect.TypeFor[LiveFrame](), true, "")
	schemas.Schema(reflect.TypeFor[LiveRequest](), true, "")
	for _, schema := range schemas.Map() {
		noNullArrays(schema)
	}
	compact, err := json.Marshal(doc)
	if err != nil {
		panic(err) // a registered type that cannot be described: every test fails
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", " "); err != nil {
		panic(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// noNullArrays says that lists are never null, which our answers keep and
// requests have to.
func noNullArrays(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	noNullArrays(s.Items)
	for _, p := range s.Properties {
		noNullArrays(p)
	}
}
