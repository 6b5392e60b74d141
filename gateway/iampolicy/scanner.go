package iampolicy

import "unicode/utf8"

// scanner finds a run of characters and question marks in a text. It keeps, one bit
// for each beginning of the run, which ones end at the place that it has reached, so
// that a place costs the same wherever the run fitted before.
type scanner struct {
	length int
	// any has the bits of question marks, chars also those of one character each.
	any   []uint64
	chars map[rune][]uint64
}

const wordBits = 64

func newScanner(pieces []piece) *scanner {
	s := &scanner{chars: map[rune][]uint64{}}
	for _, p := range pieces {
		s.length += max(1, len([]rune(p.text)))
	}
	words := (s.length + wordBits - 1) / wordBits
	s.any = make([]uint64, words)
	at := 0
	for _, p := range pieces {
		if p.text == "" {
			s.any[at/wordBits] |= 1 << (at % wordBits)
			at++
		}
		for _, c := range p.text {
			if s.chars[c] == nil {
				s.chars[c] = make([]uint64, words)
			}
			s.chars[c][at/wordBits] |= 1 << (at % wordBits)
			at++
		}
	}
	for _, bits := range s.chars {
		for i := range bits {
			bits[i] |= s.any[i]
		}
	}
	return s
}

// find returns the end of the first place where the run fits, -1 when there is none.
func (s *scanner) find(text string) int {
	var room [8]uint64
	ends := room[:]
	if len(s.any) > len(room) {
		ends = make([]uint64, len(s.any))
	}
	ends = ends[:len(s.any)]
	last := s.length - 1
	for at, c := range text {
		bits := s.chars[c]
		if bits == nil {
			bits = s.any
		}
		// A new beginning is possible everywhere.
		carry := uint64(1)
		for i := range ends {
			ends[i], carry = (ends[i]<<1|carry)&bits[i], ends[i]>>(wordBits-1)
		}
		if ends[last/wordBits]>>(last%wordBits)&1 == 1 {
			_, size := utf8.DecodeRuneInString(text[at:])
			return at + size
		}
	}
	return -1
}
