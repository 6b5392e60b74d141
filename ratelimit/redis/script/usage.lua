-- Writes to the hash of a plan's day: adds to its counts (HINCRBY), or sets notes about its
-- quotas (HSET). The arguments are the day that the key is of, the days that it is kept
-- for, the command, then field and value in turn. The answer is the day that it is here,
-- counted from 1970; where it is another, nothing is written.
local now = tonumber(redis.call('TIME')[1])
local day = math.floor(now / 86400)
if day ~= tonumber(ARGV[1]) then return day end
for i = 4, #ARGV, 2 do
  redis.call(ARGV[3], KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], (day + tonumber(ARGV[2])) * 86400 - now + 3600)
return day
