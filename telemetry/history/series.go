package history

import "slices"

// seriesID is the number of something that is counted: of Of{}, which is 0, of an API, of
// a stage, of a route.
type seriesID uint32

// series are all that are counted, by name and by number.
type series struct {
	ids map[Of]seriesID
	all []seriesInfo
	// free are numbers that stand for nothing.
	free []seriesID
	// max bounds how many there are, those that stand for others apart.
	max int
}

type seriesInfo struct {
	of    Of
	in    seriesID
	depth int
	used  bool
	// parts are what it is the whole of.
	parts []seriesID
}

func newSeries(maximum int) *series {
	return &series{ids: map[Of]seriesID{{}: 0}, all: []seriesInfo{{used: true}}, max: maximum}
}

// get is the number of a route, which it gets if there is room for it. Beyond, routes are
// counted together with others of their stage, for which some room is left, and then stages with
// all others: who calls an API for the first time late must not find that nobody has called it.
func (s *series) get(of Of) seriesID {
	if id, ok := s.ids[of]; ok {
		return id
	}
	if s.hasRoom() {
		return s.make(of)
	}
	stage, ok := s.ids[of.in()]
	if ok && s.all[stage].of.API != Other || s.fits(s.max) {
		return s.make(Of{API: of.API, Stage: of.Stage, Method: Other, Resource: Other})
	}
	return s.make(Of{API: Other, Stage: Other, Method: Other, Resource: Other})
}

// hasRoom reports whether there is room for a route. A quarter of all is for what stages whose
// routes have none are counted by.
func (s *series) hasRoom() bool { return s.fits(s.max - s.max/4) }

// fits reports whether there would be no more than so many with a route of an unknown API, which
// needs three.
func (s *series) fits(most int) bool { return s.len()+3 <= most }

func (s *series) len() int { return len(s.all) - len(s.free) }

func (s *series) make(of Of) seriesID {
	if id, ok := s.ids[of]; ok {
		return id
	}
	info := seriesInfo{of: of, in: s.make(of.in()), depth: of.depth(), used: true}
	var id seriesID
	if last := len(s.free) - 1; last >= 0 {
		id, s.free = s.free[last], s.free[:last]
		s.all[id] = info
	} else {
		id = seriesID(len(s.all))
		s.all = append(s.all, info)
	}
	s.ids[of] = id
	s.all[info.in].parts = append(s.all[info.in].parts, id)
	return id
}

// keepOnly frees all numbers but those that are used somewhere.
func (s *series) keepOnly(used []bool) {
	// What has parts that are used is used itself.
	for id := range s.all {
		if used[id] {
			for up := s.all[id].in; !used[up]; up = s.all[up].in {
				used[up] = true
			}
		}
	}
	for id := range s.all {
		if id != 0 && s.all[id].used && !used[id] {
			delete(s.ids, s.all[id].of)
			s.all[id] = seriesInfo{}
			s.free = append(s.free, seriesID(id))
		}
	}
	for id := range s.all {
		s.all[id].parts = slices.DeleteFunc(s.all[id].parts, func(part seriesID) bool { return !used[part] })
	}
}

// each gives something and all that is a part of it, down to a depth, from below.
func (s *series) each(whole seriesID, depth int, do func(seriesID)) {
	if s.all[whole].depth < depth {
		for _, part := range s.all[whole].parts {
			s.each(part, depth, do)
		}
	}
	do(whole)
}
