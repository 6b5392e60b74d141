package gateway

// TextSource is where a text is written that has positions of its own, as a mapping
// template has.
type TextSource struct {
	// Start is where the text's value begins in the document.
	Start Position
	// Lines is where the first character of the first line stands, if the document has
	// the text line by line as it is; each line begins at the same column. It is zero for
	// texts that are escaped or folded.
	Lines Position
}

// At is where a line and a column of the text, which count from 1, stand in the document.
// It is false, and the start of the text, where that cannot be told.
func (s TextSource) At(line, column int) (Position, bool) {
	if s.Lines.IsZero() {
		return s.Start, false
	}
	return Position{File: s.Lines.File, Line: s.Lines.Line + line - 1, Column: s.Lines.Column + column - 1}, true
}
