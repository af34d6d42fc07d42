-- Returns 1, or 0 when the blob is stored already.
local P = KEYS[1]  -- the prefix of every key of this store
local digest, body = ARGV[1], ARGV[2]
if not redis.call('SET', P .. 'blob:' .. digest, body, 'NX') then return 0 end
redis.call('ZADD', P .. 'blobs', 0, digest)
return 1
