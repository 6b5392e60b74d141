-- Adds to the names of plans that have usage, forgets those that have none any more,
-- and answers with the store's day, counted from 1970, and the names. The arguments
-- are the days that usage is kept for, then names to add.
local now = tonumber(redis.call('TIME')[1])
local keep = tonumber(ARGV[1]) * 86400
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], now + keep, ARGV[i])
end
if #ARGV > 1 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
  redis.call('EXPIRE', KEYS[1], keep + 3600)
  return { math.floor(now / 86400) }
end
local answer = { math.floor(now / 86400) }
for i, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
  answer[i + 1] = name
end
return answer
