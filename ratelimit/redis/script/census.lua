-- Says what a service asks for of a limit, and gives what others do. The key's hash has a
-- field for each service: the time in milliseconds, a space, what it asks for. The
-- arguments are the service, what it asks for (nothing takes its field off), and the
-- milliseconds after which a service that says nothing is gone.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local expiry = tonumber(ARGV[3])
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', now) .. ARGV[2])
  redis.call('PEXPIRE', KEYS[1], 2 * expiry)
end
local others = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at, claim = string.match(all[i + 1], '^(%d+) (.*)$')
  if all[i] ~= ARGV[1] then
    if not at or math.abs(now - tonumber(at)) > expiry then
      redis.call('HDEL', KEYS[1], all[i])
    else
      others[#others + 1] = claim
    end
  end
end
return others
