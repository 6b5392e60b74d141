package cli

import (
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"gatehouse/gateway"
)

// The part of SARIF 2.1.0 that code scanning services show as annotations.
// See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

func writeSARIF(w io.Writer, ds gateway.Diagnostics) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "gatehouse", Version: thisBuild().Version, Rules: []sarifRule{}}},
		// Without it, readers may count UTF-16 units.
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	var codes []string
	for _, d := range ds {
		codes = append(codes, d.Code)
		run.Results = append(run.Results, sarifOf(d))
	}
	slices.Sort(codes)
	for _, code := range slices.Compact(codes) {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{code})
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	})
}

func sarifOf(d gateway.Diagnostic) sarifResult {
	text := d.Message
	if d.Hint != "" {
		text += " (" + d.Hint + ")"
	}
	r := sarifResult{RuleID: d.Code, Level: d.Severity.String(), Message: sarifMessage{text}}
	if d.Pos.File == "" {
		return r
	}
	at := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{sarifURI(d.Pos.File)}}}
	if d.Pos.Line > 0 {
		at.Physical.Region = &sarifRegion{d.Pos.Line, d.Pos.Column}
	}
	if d.Path != "" {
		at.Logical = []sarifLogical{{d.Path}}
	}
	r.Locations = []sarifLocation{at}
	return r
}

// sarifURI is relative where it can be: code scanning services find files of the
// repository by it.
func sarifURI(file string) string {
	if filepath.IsAbs(file) {
		relative := ""
		if here, err := os.Getwd(); err == nil {
			relative, _ = filepath.Rel(here, file)
		}
		if !filepath.IsLocal(relative) {
			return (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()
		}
		file = relative
	}
	// A colon in the first segment would make a scheme of it, but for the "./" that
	// String puts before it.
	return (&url.URL{Path: filepath.ToSlash(file)}).String()
}
