-- Writes to a hash of a plan, of the store's day: adds to its counts (HINCRBY), or sets
-- notes about its quotas (HSET). The key is the plan's; those of its days have the same
-- hash tag and so are in the same place. The arguments are the days that they are kept
-- for, the command, then field and value in turn.
local now = tonumber(redis.call('TIME')[1])
local day = math.floor(now / 86400)
local key = KEYS[1] .. ':' .. string.format('%d', day)
for i = 3, #ARGV, 2 do
  redis.call(ARGV[2], key, ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', key, (day + tonumber(ARGV[1])) * 86400 - now + 3600)
return day
