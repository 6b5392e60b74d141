package definition

import (
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// describePortals gives stages that portals publish the documents that they were written
// as: a deployment has what the gateway does of them, and not the words for people.
func (b *build) describePortals(s *gateway.Snapshot) {
	var files map[[2]string]string
	for i := range s.Portals {
		if b.loader.options.foreign(s.Portals[i].Source.File) {
			continue
		}
		if files == nil {
			files = b.stageFiles()
		}
		for j := range s.Portals[i].APIs {
			a := &s.Portals[i].APIs[j]
			if file := files[[2]string{a.API, a.Stage}]; file != "" {
				a.Document = b.documentText(file)
			}
		}
	}
}

// stageFiles are the files of the documents of all stages, but for those of others: these
// hold no words that an export had not.
func (b *build) stageFiles() map[[2]string]string {
	files := map[[2]string]string{}
	for i := range b.configs {
		c := &b.configs[i]
		if b.loader.options.foreign(c.file) {
			continue
		}
		for j := range c.APIs {
			for k := range c.APIs[j].Stages {
				if stage := &c.APIs[j].Stages[k]; stage.Definition.File != "" {
					files[[2]string{c.APIs[j].ID, stage.Name}] = relativeTo(c.file, stage.Definition.File)
				}
			}
		}
	}
	return files
}

// documentText reads an OpenAPI document as JSON; empty for what is no document, which is
// reported where it is parsed.
func (b *build) documentText(file string) string {
	data, err := b.files.read(file)
	if err != nil {
		return ""
	}
	var reported gateway.Diagnostics
	doc, ok := source.Parse(file, data, source.Environment{}, &reported)
	if !ok || !doc.Root().IsObject() {
		return ""
	}
	root := doc.Root().Object()
	if !strings.HasPrefix(root.Get("openapi").Raw(), "3") && root.Get("swagger").Raw() != "2.0" {
		return ""
	}
	return doc.Root().JSON()
}
