-- Tells backends, and the filters and services behind this one, about the trace that a
-- request is part of: traceparent and tracestate of the W3C, X-Amzn-Trace-Id of AWS
-- X-Ray. Envoy has decided whether the request is sampled, and has put the ids of the
-- trace and of its own span into x-gw-trace. tracing.go switches this on.
--
-- Envoy has read the context that came with the request, or makes no span. What is passed
-- on of it is made anew.

local hex = "[0-9a-f]"
local root_form = "Root=(1%-" .. string.rep(hex, 8) .. "%-" .. string.rep(hex, 24) .. ")%f[;,%z ]"
-- made_size is that of a trace's id and a span's, and a space between them.
local made_size = 32 + 1 + 16
-- max_state is how much of a tracestate is passed on: what the W3C asks for at least.
local max_state = 512

-- reasons are what Envoy writes into a request's id where it is traced.
local reasons = {["9"] = true, ["a"] = true, ["b"] = true}

function envoy_on_request(handle)
  local headers = handle:headers()
  local made = headers:get("x-gw-trace") or ""
  headers:remove("x-gw-trace")
  local trace, span
  if #made == made_size then trace, span = string.sub(made, 1, 32), string.sub(made, -16) end
  local id = headers:get("x-request-id") or ""
  local sampled = trace ~= nil and reasons[string.sub(id, 15, 15)] or false
  local context = trace and headers:get("traceparent")
  if context then
    -- A trace whose beginning was not sampled has nothing to hang on to.
    local flags = tonumber(string.sub(context, 54, 55), 16) or 0
    sampled = sampled and flags % 2 == 1
  end
  local state = headers:get("tracestate")
  if state and (not context or #state > max_state) then headers:remove("tracestate") end

  local given = headers:get("x-amzn-trace-id")
  local root = given and string.match(given, root_form)
  if not trace then
    -- Envoy takes no part in a trace whose context it cannot read.
    headers:remove("traceparent")
    local random = string.gsub(id, "%X", "")
    span = string.sub(random, -16)
    root = root or string.format("1-%08x-%s", math.floor(tonumber(handle:timestampString()) / 1000), string.sub(random, 1, 24))
  else
    headers:replace("traceparent", "00-" .. trace .. "-" .. span .. (sampled and "-01" or "-00"))
    root = root or "1-" .. string.sub(trace, 1, 8) .. "-" .. string.sub(trace, 9)
  end
  headers:replace("x-amzn-trace-id", "Root=" .. root .. ";Parent=" .. span .. ";Sampled=" .. (sampled and "1" or "0"))
  handle:streamInfo():dynamicMetadata():set("gw.trace", "id", root)
end
