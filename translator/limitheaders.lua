-- Tells clients about their limits: what the rate limit service said, as dynamic
-- metadata of the filters that asked it, and what the buckets of this Envoy said, as
-- headers x-ratelimit-*. What is wanted comes from the route, in the filter context;
-- limitheaders.go fills it in, and this script never changes.
--
-- retry, x, draft: which headers are wanted
-- own:             "key" or "others", whose buckets those of this Envoy are
-- backup:          those are only in place of what the service keeps
--
-- A source is {limit, remaining, reset, list, policy, key}. Where one is about the key
-- of the caller, those about others are none of the caller's business.

local function last(text)
  return text and string.match(text, "([^,%s]+)%s*$")
end

local function append(text, more)
  if not more or more == "" then return text end
  return text and (text .. ", " .. more) or more
end

-- own_source reads what this Envoy's buckets said last, behind what a backend may have
-- put there.
local function own_source(headers, whose)
  local s = {limit = last(headers:get("x-ratelimit-limit")), remaining = last(headers:get("x-ratelimit-remaining")), reset = last(headers:get("x-ratelimit-reset")), key = whose == "key"}
  if not (tonumber(s.limit) and tonumber(s.remaining) and tonumber(s.reset)) then return nil end
  s.list = '"throttle";r=' .. s.remaining .. ";t=" .. s.reset
  s.policy = '"throttle";q=' .. s.limit
  return s
end

local function set(headers, name, value)
  if value then headers:replace(name, value) end
end

function envoy_on_response(handle)
  local want, headers, known = handle:filterContext(), handle:headers(), handle:streamInfo():dynamicMetadata()
  local sources, keyed, retry = {}, false, nil
  local function add(s)
    if s.list then
      sources[#sources + 1] = s
      keyed = keyed or s.key
    end
  end
  for _, filter in ipairs({"gw.limits", "gw.limits-closed"}) do
    local told = known:get(filter)
    if told then
      retry = retry or told["retryAfter"]
      add({limit = told["limit"], remaining = told["remaining"], reset = told["reset"], list = told["list"], policy = told["policy"], key = told["ofKey"]})
    end
  end
  if want:get("own") then
    local own = own_source(headers, want:get("own"))
    if own and (#sources == 0 or not want:get("backup")) then add(own) end
    headers:remove("x-ratelimit-limit")
    headers:remove("x-ratelimit-remaining")
    headers:remove("x-ratelimit-reset")
  end
  local closest, list, policy
  for _, s in ipairs(sources) do
    if not keyed or s.key then
      if not closest or tonumber(s.remaining) < tonumber(closest.remaining) then closest = s end
      list, policy = append(list, s.list), append(policy, s.policy)
    end
  end
  if want:get("retry") then set(headers, "retry-after", retry) end
  if want:get("x") and closest then
    set(headers, "x-ratelimit-limit", closest.limit)
    set(headers, "x-ratelimit-remaining", closest.remaining)
    set(headers, "x-ratelimit-reset", closest.reset)
  end
  if want:get("draft") then
    set(headers, "ratelimit", list)
    set(headers, "ratelimit-policy", policy)
  end
  -- A customised reply begins without headers, and takes these from here.
  if headers:get(":status") == "429" then
    for _, name in ipairs({"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "ratelimit-policy"}) do
      local value = headers:get(name)
      if value then known:set("gw.limit-headers", name, value) end
    end
  end
end
