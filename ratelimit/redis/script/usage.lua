-- Adds to the counts of a plan on the store's day. The key is the plan's; those of
-- its days have the same hash tag and so are in the same place. The arguments are the
-- days that counts are kept for, then field and number in turn.
local now = tonumber(redis.call('TIME')[1])
local day = math.floor(now / 86400)
local key = KEYS[1] .. ':' .. string.format('%d', day)
for i = 2, #ARGV, 2 do
  redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', key, (day + tonumber(ARGV[1])) * 86400 - now + 3600)
return day
