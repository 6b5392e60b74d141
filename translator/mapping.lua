-- Carries out the parameter mappings of one route. What to map comes from the
-- route's filter context, compiled in mapping.go; this script never changes.
--
-- request:  method, keep, drop, trace, drop_query, semicolons, path, path_else,
--           slashes, headers, query, host, save, values
-- response: select (status -> rule number), rules of {status, strip, headers,
--           content_type}, trace, strict, tell_status
-- changes_method: whether request has a method
--
-- A value is a list of parts, joined. A part is one of
--   {lit=text}  {header=name, all=bool}  {query=name, all=bool}  {param=name}
--   {segment=n, rest=bool}  {path=true}  {context=name}  {response=name, all=bool}
--   {metadata=[filter, key, ...]}, what a check of the caller has left
--   {absent=true}, which never has a source
-- A value none of whose parts has a source is not set at all.

local function decode(text)
  text = string.gsub(text, "%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return text
end

local function percent(c) return string.format("%%%02X", string.byte(c)) end

local function encode(text) return (string.gsub(text, "[^%w%-%._~]", percent)) end

local function encode_path(text) return (string.gsub(text, "[^%w%-%._~/]", percent)) end

-- Control characters would end a header early.
local function header_safe(text)
  return (string.gsub(text, "%c", ""))
end

local function split_query(path)
  local at = string.find(path, "?", 1, true)
  if at == nil then return path, "" end
  return string.sub(path, 1, at - 1), string.sub(path, at + 1)
end

-- query_pairs reads a query string into an ordered list of {name, raw text}.
-- Semicolons part parameters, too, in REST APIs.
local function query_pairs(query, semicolons)
  local list = {}
  for item in string.gmatch(query, semicolons and "[^&;]+" or "[^&]+") do
    local name = string.match(item, "^[^=]*")
    list[#list + 1] = {decode((string.gsub(name, "%+", " "))), item}
  end
  return list
end

local function query_values(request, name)
  local values = {}
  for _, pair in ipairs(request.query) do
    if pair[1] == name then
      local raw = string.match(pair[2], "^[^=]*=(.*)$") or ""
      values[#values + 1] = decode((string.gsub(raw, "%+", " ")))
    end
  end
  return values
end

local function header_values(headers, name)
  local values = {}
  for i = 0, headers:getNumValues(name) - 1 do
    values[#values + 1] = headers:getAtIndex(name, i)
  end
  return values
end

local function last_or_all(values, all)
  if #values == 0 then return nil end
  if all then return table.concat(values, ",") end
  return values[#values]
end

local function segment(request, n, rest)
  local i = 0
  local at = 1
  while true do
    local from, to = string.find(request.path, "/[^/]*", at)
    if from == nil then return nil end
    i = i + 1
    if i == n then
      local text = string.sub(request.path, from + 1, rest and -1 or to)
      if text == "" then return nil end
      return text
    end
    at = to + 1
  end
end

local function address_without_port(address)
  return string.match(address, "^%[(.*)%]:%d+$") or string.match(address, "^(.*):%d+$") or address
end

-- trace_header completes X-Amzn-Trace-Id, or makes a new one of the request's id,
-- which is random: the script has no good source of randomness of its own.
local function trace_header(request)
  local id = string.gsub(request.headers:get("x-request-id") or "", "%X", "")
  local parent = string.sub(id, -16)
  local given = request.headers:get("x-amzn-trace-id") or ""
  if not string.find(given, "Root=", 1, true) then
    local seconds = math.floor(tonumber(request.handle:timestampString()) / 1000)
    return string.format("Root=1-%08x-%s;Parent=%s;Sampled=0", seconds, string.sub(id, 1, 24), parent)
  end
  if not string.find(given, "Parent=", 1, true) then given = given .. ";Parent=" .. parent end
  if not string.find(given, "Sampled=", 1, true) then given = given .. ";Sampled=0" end
  return given
end

local months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

-- peer asks about the certificate that the client has shown, if any.
local function peer(r, ask)
  local connection = r.handle:streamInfo():downstreamSslConnection()
  if connection == nil or not connection:peerCertificatePresented() then return nil end
  return ask(connection)
end

local function peer_time(seconds)
  local t = os.date("!*t", seconds)
  return string.format("%s %2d %02d:%02d:%02d %04d GMT", months[t.month], t.day, t.hour, t.min, t.sec, t.year)
end

local context = {
  ["identity.clientCert.clientCertPem"] = function(r)
    return peer(r, function(c) return decode(c:urlEncodedPemEncodedPeerCertificate()) end)
  end,
  ["identity.clientCert.subjectDN"] = function(r) return peer(r, function(c) return c:subjectPeerCertificate() end) end,
  ["identity.clientCert.issuerDN"] = function(r) return peer(r, function(c) return c:issuerPeerCertificate() end) end,
  ["identity.clientCert.serialNumber"] = function(r) return peer(r, function(c) return c:serialNumberPeerCertificate() end) end,
  ["identity.clientCert.validity.notBefore"] = function(r)
    return peer(r, function(c) return peer_time(c:validFromPeerCertificate()) end)
  end,
  ["identity.clientCert.validity.notAfter"] = function(r)
    return peer(r, function(c) return peer_time(c:expirationPeerCertificate()) end)
  end,
  ["identity.vpcId"] = function(r) return r.handle:streamInfo():filterState():get("gw.source-vpc") end,
  ["identity.vpceId"] = function(r) return r.handle:streamInfo():filterState():get("gw.source-vpce") end,
  -- Envoy's check of API keys sets the header; a client's own is gone by then.
  ["identity.apiKeyId"] = function(r) return string.match(r.headers:get("x-gw-key") or "", "^[^:]*:(.*)$") end,
  ["requestId"] = function(r) return r.headers:get("x-request-id") end,
  ["extendedRequestId"] = function(r) return r.headers:get("x-request-id") end,
  ["httpMethod"] = function(r) return r.method end,
  ["path"] = function(r) return r.path end,
  ["protocol"] = function(r) return r.handle:streamInfo():protocol() end,
  ["domainName"] = function(r) return (string.gsub(r.authority, ":%d+$", "")) end,
  ["domainPrefix"] = function(r) return string.match(r.authority, "^[^.:]*") end,
  ["identity.sourceIp"] = function(r) return address_without_port(r.handle:streamInfo():downstreamRemoteAddress()) end,
  ["identity.userAgent"] = function(r) return r.headers:get("user-agent") end,
  ["requestTimeEpoch"] = function(r) return r.handle:timestampString() end,
  ["requestTime"] = function(r)
    local t = os.date("!*t", math.floor(tonumber(r.handle:timestampString()) / 1000))
    return string.format("%02d/%s/%04d:%02d:%02d:%02d +0000", t.day, months[t.month], t.year, t.hour, t.min, t.sec)
  end,
}

-- plain writes a value of metadata as Amazon writes claims: whole numbers without a
-- fraction, lists in brackets.
local function plain(value)
  if type(value) == "number" then
    if value == math.floor(value) and math.abs(value) < 2^53 then return string.format("%.0f", value) end
    return tostring(value)
  end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) == "string" then return value end
  return nil
end

local function metadata_text(handle, keys)
  local value = handle:streamInfo():dynamicMetadata():get(keys[1])
  for i = 2, #keys do
    if type(value) ~= "table" then return nil end
    value = value[keys[i]]
  end
  if type(value) ~= "table" then return plain(value) end
  local texts = {}
  for _, item in ipairs(value) do texts[#texts + 1] = plain(item) or "" end
  return "[" .. table.concat(texts, " ") .. "]"
end

-- part_text gives a part's text, or nil when it has no source. In a URL path a
-- segment goes on as it came; elsewhere it is decoded.
local function part_text(request, part, raw)
  if part.lit ~= nil then return part.lit end
  if part.header ~= nil then return last_or_all(header_values(request.headers, part.header), part.all) end
  if part.query ~= nil then return last_or_all(query_values(request, part.query), part.all) end
  if part.param ~= nil then
    return last_or_all(query_values(request, part.param)) or last_or_all(header_values(request.headers, string.lower(part.param)))
  end
  if part.path then return request.path_below end
  if part.segment ~= nil then
    local text = segment(request, part.segment, part.rest)
    if text ~= nil and not raw then text = decode(text) end
    return text
  end
  if part.metadata ~= nil then return metadata_text(request.handle, part.metadata) end
  if part.context ~= nil then
    if request.saved ~= nil then return request.saved[part.context] end
    return context[part.context](request)
  end
  if part.response ~= nil then return last_or_all(header_values(request.response, part.response), part.all) end
end

local function value_text(request, parts)
  local texts = {}
  local found = false
  for i, part in ipairs(parts) do
    local text = part_text(request, part)
    if text ~= nil and (text ~= "" or part.lit ~= nil) then found = true end
    texts[i] = text or ""
  end
  if not found then return nil end
  return table.concat(texts)
end

-- resolve reads the sources of header changes, so that a mapping sees the headers
-- as they came, whatever the order of the mappings.
local function resolve(request, changes)
  local resolved = {}
  for _, change in ipairs(changes or {}) do
    local text = nil
    if change.op ~= "remove" then text = value_text(request, change.parts) end
    if change.op == "remove" or text ~= nil then
      resolved[#resolved + 1] = {op = change.op, name = change.name, text = text}
    end
  end
  return resolved
end

local function change_headers(headers, resolved)
  for _, change in ipairs(resolved) do
    if change.op == "remove" then
      headers:remove(change.name)
    elseif change.op == "append" then
      headers:add(change.name, header_safe(change.text))
    else
      headers:replace(change.name, header_safe(change.text))
    end
  end
end

-- strip removes every header whose name is not in keep.
local function strip(headers, keep)
  local gone = {}
  for name, _ in pairs(headers) do
    if string.sub(name, 1, 1) ~= ":" and not keep[name] then gone[#gone + 1] = name end
  end
  for _, name in ipairs(gone) do headers:remove(name) end
end

local function without(list, name)
  local kept = {}
  for _, pair in ipairs(list) do
    if pair[1] ~= name then kept[#kept + 1] = pair end
  end
  return kept
end

local function change_query(request, changes, list)
  for _, change in ipairs(changes or {}) do
    if change.op == "remove" then
      list = without(list, change.name)
    else
      -- A repeated parameter is one entry for each of its values.
      local values = {}
      local part = change.parts[1]
      if change.repeated and part.query ~= nil then
        values = query_values(request, part.query)
      else
        values[1] = value_text(request, change.parts)
      end
      if #values > 0 and change.op == "set" then list = without(list, change.name) end
      for _, text in ipairs(values) do
        list[#list + 1] = {change.name, encode(change.name) .. "=" .. encode(text)}
      end
    end
  end
  return list
end

-- build_path joins parts to a path; nil when none of them has a source. A value that
-- fills a placeholder stays within its segment, one that is the path may hold several.
local function build_path(request, parts, slashes)
  local texts = {}
  local found = false
  for i, part in ipairs(parts) do
    local text = part_text(request, part, true) or ""
    if text ~= "" or part.lit ~= nil then found = true end
    if part.lit == nil and part.segment == nil and not part.path then
      text = slashes and encode_path(text) or encode(text)
    end
    texts[i] = text
  end
  if not found then return nil end
  local path = table.concat(texts)
  if string.sub(path, 1, 1) ~= "/" then path = "/" .. path end
  return path
end

-- has_dots reports segments that would lead the backend out of the path it was meant
-- to be asked for. Clients' own paths are free of them; header and query values are not.
local function has_dots(path)
  return string.find(path .. "/", "/%.%.?/") ~= nil
end

-- without_content: methods whose requests are sent without a content type.
local without_content = {GET = true, HEAD = true, OPTIONS = true}

function envoy_on_request(handle)
  local program = handle:filterContext():get("request")
  if program == nil then return end
  local headers = handle:headers()
  local path, query = split_query(headers:get(":path"))
  local request = {
    handle = handle, headers = headers, path = path,
    method = headers:get(":method"), authority = headers:get(":authority") or "",
    query = query_pairs(query, program.semicolons), path_below = string.sub(path, (program.base_length or 0) + 1),
  }
  if request.path_below == "" then request.path_below = "/" end
  local save = function(name, value) handle:streamInfo():dynamicMetadata():set("gw.mapping", name, value) end

  if program.save ~= nil then
    for _, name in ipairs(program.save) do
      local text = context[name](request)
      if text ~= nil then save(name, text) end
    end
  end
  if program.values ~= nil then
    for key, parts in pairs(program.values) do
      local text = value_text(request, parts)
      if text ~= nil then save(key, text) end
    end
    return -- The gateway's own answer needs nothing else.
  end

  local new_path = path
  if program.path ~= nil then
    new_path = build_path(request, program.path, program.slashes) or build_path(request, program.path_else or {}) or path
    if has_dots(new_path) and not has_dots(path) then
      handle:respond({[":status"] = "400", ["content-type"] = "application/json"}, '{"message":"Bad Request"}')
      return
    end
  end
  local list = {}
  if not program.drop_query then
    for i, pair in ipairs(request.query) do list[i] = pair end
  end
  list = change_query(request, program.query, list)
  local texts = {}
  for i, pair in ipairs(list) do texts[i] = pair[2] end
  local new_query = table.concat(texts, "&")

  local changes = resolve(request, program.headers)
  local trace = program.trace and trace_header(request)
  if program.host ~= nil then save("host", header_safe(value_text(request, program.host) or program.authority)) end
  local method = program.method or request.method
  if program.keep ~= nil then
    strip(headers, program.keep)
    if without_content[method] then headers:remove("content-type") end
  end
  if program.drop ~= nil then
    for _, name in ipairs(program.drop) do headers:remove(name) end
  end
  change_headers(headers, changes)
  if trace then
    headers:replace("x-amzn-trace-id", trace)
    save("trace", trace)
  end
  if method ~= request.method then
    headers:replace(":method", method)
    if request.method == "HEAD" or method == "HEAD" then save("method", request.method) end
  end
  if new_query ~= "" then new_path = new_path .. "?" .. new_query end
  headers:replace(":path", new_path)
end

-- match_method mends the answer to a request whose method was changed: HEAD must not
-- be answered with a body, and what was asked with HEAD has none to announce.
local function match_method(handle, headers, asked)
  if asked == "HEAD" then
    for chunk in handle:bodyChunks() do chunk:setBytes("") end
  else
    headers:remove("content-length")
  end
end

local function map_response(handle, headers, program, saved)
  -- As wire.TellIntegration writes it.
  if program.tell_status then
    handle:streamInfo():dynamicMetadata():set("gw.integration", "told", "integrationStatus=" .. headers:get(":status"))
  end
  local number = program.select[headers:get(":status")] or program.select["default"]
  if number == nil then
    -- A REST API must say what becomes of every status; an HTTP API need not. The
    -- filter for gateway responses makes its answer of this.
    if program.strict then headers:replace("x-gw-reply", "API_CONFIGURATION_ERROR") end
    return
  end
  local rule = program.rules[number]
  local changes = resolve({handle = handle, response = headers, saved = saved}, rule.headers)
  if rule.strip ~= nil then strip(headers, rule.strip) end
  if rule.content_type ~= nil then headers:replace("content-type", rule.content_type) end
  change_headers(headers, changes)
  if program.trace and saved.trace ~= nil then headers:replace("x-amzn-trace-id", saved.trace) end
  if rule.status ~= nil then headers:replace(":status", rule.status) end
end

function envoy_on_response(handle)
  -- Each get makes a table of what it gets, so that the request's program is not asked.
  local response, changed = handle:filterContext():get("response"), handle:filterContext():get("changes_method")
  if response == nil and not changed then return end
  local headers = handle:headers()
  -- What the gateway answers itself is not the backend's to map.
  if headers:get("x-gw-local-reply") ~= nil then
    headers:remove("x-gw-local-reply")
    return
  end
  local saved = handle:streamInfo():dynamicMetadata():get("gw.mapping") or {}
  if response ~= nil then map_response(handle, headers, response, saved) end
  if saved.method ~= nil then match_method(handle, headers, saved.method) end
end
