-- Returns 1, or 0 when there is no such blob or somebody has put it since.
local digest, bound = ARGV[1], tonumber(ARGV[2])
if tonumber(redis.call('ZSCORE', P .. 'blob-puts', digest) or 0) >= bound then return 0 end
redis.call('ZREM', P .. 'blobs', digest)
redis.call('ZREM', P .. 'blob-puts', digest)
return redis.call('DEL', P .. 'blob:' .. digest)
