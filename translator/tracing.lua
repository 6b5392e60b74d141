-- Tells backends, and the filters and services behind this one, about the trace that a
-- request is part of: traceparent and tracestate of the W3C, X-Amzn-Trace-Id of AWS
-- X-Ray. Envoy has decided whether the request is sampled, and has put the ids of the
-- trace and of its own span into x-gw-trace. tracing.go switches this on.
--
-- Whatever came with the request is looked at by fixed forms only, and made anew.

local hex = "[0-9a-f]"
local root_form = "Root=(1%-" .. string.rep(hex, 8) .. "%-" .. string.rep(hex, 24) .. ")%f[;,%z ]"
local parent_form = "^00%-" .. string.rep(hex, 32) .. "%-" .. string.rep(hex, 16) .. "%-(" .. hex .. hex .. ")$"
-- max_state is how much of a tracestate is passed on: what the W3C asks for at least.
local max_state = 512

-- reasons are what Envoy writes into a request's id where it is traced.
local reasons = {["9"] = true, ["a"] = true, ["b"] = true}

function envoy_on_request(handle)
  local headers = handle:headers()
  local trace, span = string.match(headers:get("x-gw-trace") or "", "^(" .. string.rep(hex, 32) .. ") (" .. string.rep(hex, 16) .. ")$")
  headers:remove("x-gw-trace")
  headers:remove("x-client-trace-id")
  local id = headers:get("x-request-id") or ""
  local sampled = reasons[string.sub(id, 15, 15)] or false
  local context = headers:get("traceparent")
  local flags = context and string.match(context, parent_form)
  if context and not flags then sampled = false end
  -- A trace whose beginning was not sampled has nothing to hang on to.
  if flags and tonumber(flags, 16) % 2 == 0 then sampled = false end
  if not flags or #(headers:get("tracestate") or "") > max_state then headers:remove("tracestate") end

  local root = string.match(headers:get("x-amzn-trace-id") or "", root_form)
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
