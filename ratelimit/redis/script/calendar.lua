-- Calendar periods in UTC, from a count of seconds since 1970. Redis has no dates.

-- civil gives year and month of a day since 1970, by counting from the 1st of March
-- of the year 0, so that a leap day is the last of its year.
local function civil(day)
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400
  if month <= 2 then year = year + 1 end
  return year, month, doy - math.floor((153 * mp + 2) / 5) + 1
end

-- days is the inverse, for the first of a month.
local function days(year, month)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local yoe = year - era * 400
  local mp = month > 2 and month - 3 or month + 9
  return era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + math.floor((153 * mp + 2) / 5) - 719468
end

local lengths = {
  SECOND = 1, MINUTE = 60, HOUR = 3600, DAY = 86400,
  DAYS_7 = 604800, DAYS_30 = 2592000, DAYS_365 = 31536000,
}

-- bounds gives the first second of the period that one is in, and of the next period.
local function bounds(period, seconds)
  local length = lengths[period]
  if length then
    local start = seconds - seconds % length
    return start, start + length
  end
  local day = math.floor(seconds / 86400)
  if period == 'WEEK' then
    local start = day - (day + 4) % 7 -- 1970 began on a Thursday
    return start * 86400, (start + 7) * 86400
  end
  local year, month = civil(day)
  if period == 'MONTH' then
    if month == 12 then return days(year, 12) * 86400, days(year + 1, 1) * 86400 end
    return days(year, month) * 86400, days(year, month + 1) * 86400
  end
  if period == 'YEAR' then return days(year, 1) * 86400, days(year + 1, 1) * 86400 end
  return nil
end
