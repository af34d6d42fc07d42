-- Removes some documents that are expired; returns how many.
local now, most = ARGV[1], ARGV[2]
local places = redis.call('ZRANGE', P .. 'expiring', '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, place in ipairs(places) do forget(place) end
return #places
