-- Carries out asks, one for each key and six arguments, and answers each with three
-- numbers: granted, remaining, and microseconds until there is something again.
--
-- Bucket: 'B', rate, burst,        hits, partial, always
-- Window: period, limit, offset,   hits, partial, always
-- Set:    as Window, with 'S' for partial: hits is what is to remain
--
-- What is stored does not depend on rates and limits, so that they can be changed: of
-- a bucket the tokens that it lacks and when it lacked them (no key: it is full), of a
-- window what was used, and in which period, for each kind of period.
local time = redis.call('TIME')
local seconds, micros = tonumber(time[1]), tonumber(time[2])
local now = seconds * 1000000 + micros
-- A counter with an offset is known for so long after its last use.
local known = 800 * 86400
-- A count is kept beyond its period for no longer than this.
local spare = 31 * 86400
-- A bucket is kept for no longer than this, and one that never refills for so long.
local longest = 400 * 86400 * 1000
-- Numbers in answers are not beyond this, so that they stay whole.
local most = 4503599627370496

-- grant says how many of hits are taken of what is there.
local function grant(hits, there, partial, always)
  if hits <= 0 or always or hits <= there then return hits end
  if partial and there > 0 then return there end
  return 0
end

local function bucket(key, rate, burst, hits, partial, always)
  -- Nothing needs to be known of a bucket that lets nothing through.
  if rate <= 0 or burst <= 0 then return grant(hits, 0, partial, always), 0, most end
  local lacks, changed = 0, false
  local stored = redis.call('GET', key)
  if stored then
    local was, at = struct.unpack('<dd', stored)
    local passed = now - at
    -- A clock that was set back refills nothing. From here on it counts again.
    if passed < 0 then passed, changed = 0, true end
    lacks = math.max(0, was - passed * rate / 1000000)
  end
  -- Sums of fractions fall short of whole tokens by very little.
  local granted = grant(hits, math.floor(burst - lacks + 0.000001), partial, always)
  if granted ~= 0 then
    lacks, changed = math.max(0, lacks + granted), true
  end
  if changed then
    if lacks == 0 then
      redis.call('DEL', key)
    else
      local full = math.min(math.ceil(lacks / rate * 1000) + 1, longest)
      redis.call('SET', key, struct.pack('<dd', lacks, now), 'PX', string.format('%.0f', full))
    end
  end
  local there = math.floor(burst - lacks + 0.000001)
  if there >= 1 then return granted, there, 0 end
  return granted, there, math.min(math.max(1, math.ceil((1 - burst + lacks) / rate * 1000000)), most)
end

-- kept is until when the counts of a kind of period are, of which the last begins then.
-- Redis forgets by the same clock, which may be ahead for a while: a count is kept for
-- one more period.
local function kept(period, begin)
  local start, stop = bounds(period, begin)
  return stop + math.min(math.max(stop - start, 60), spare)
end

local function window(key, period, limit, offset, hits, partial, always, set)
  local start, stop = bounds(period, seconds)
  -- The period before is known, too: a clock that is set back, or that of a replica
  -- that took over, finds the count that it left. So are counts of other kinds of
  -- periods, which come again when an edit is taken back, and with services that serve
  -- another revision.
  local used, before, used_before = offset, 0, 0
  local others, ends = '', 0
  local stored, at = redis.call('GET', key), 1
  if stored then used = 0 end
  while stored and at <= #stored do
    local from, b, u, bb, ub, unit = at
    b, u, bb, ub, unit, at = struct.unpack('<dddds', stored, at)
    if unit ~= period then
      local last = kept(unit, math.max(b, bb))
      if last > seconds then others, ends = others .. string.sub(stored, from, at - 1), math.max(ends, last) end
    elseif b == start then
      used, before, used_before = u, bb, ub
    elseif bb == start then
      used, before, used_before = ub, b, u
    else
      used, before, used_before = 0, b, u
    end
  end
  local granted = 0
  if set then
    used = limit - hits
  else
    granted = grant(hits, limit - used, partial, always)
    -- What is given back may have been taken in the period before.
    used = math.min(math.max(used + granted, math.min(used, 0)), most)
  end
  if set or granted ~= 0 then
    -- One that the clock was set back from, and that comes again, is not over before.
    local keep = math.max(ends, kept(period, math.max(start, before))) - seconds
    if offset > 0 then keep = math.max(keep, known) end
    redis.call('SET', key, struct.pack('<dddds', start, used, before, used_before, period) .. others, 'EX', string.format('%.0f', keep))
  end
  return granted, limit - used, stop * 1000000 - now
end

local answers = {}
for i, key in ipairs(KEYS) do
  local a = (i - 1) * 6
  local kind, limit, more = ARGV[a + 1], tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local hits, how, always = tonumber(ARGV[a + 4]), ARGV[a + 5], ARGV[a + 6] == '1'
  local n = #answers
  if kind == 'B' then
    answers[n + 1], answers[n + 2], answers[n + 3] = bucket(key, limit, more, hits, how == '1', always)
  else
    answers[n + 1], answers[n + 2], answers[n + 3] = window(key, kind, limit, more, hits, how == '1', always, how == 'S')
  end
end
return answers
