package schema

// Place tells schemas from data inside them: a $ref in an example is text.
type Place int

const (
	// InData is in no schema, such as in an example.
	InData Place = iota
	// InSchema is what is a schema itself.
	InSchema
	// InSchemaMap is an object whose keys are names and whose values are schemas.
	InSchemaMap
)

// Of is where the value of a key is.
func (p Place) Of(key string) Place {
	switch p {
	case InSchemaMap:
		return InSchema
	case InSchema:
		switch key {
		case "properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies":
			return InSchemaMap
		case "enum", "const", "default", "example", "examples", "discriminator", "xml", "externalDocs":
			return InData
		}
		return InSchema
	}
	return InData
}
