-- Returns the new revision, or 0 when the condition does not hold.
local write = cmsgpack.unpack(ARGV[1])
local revision, live = current(write.place, write.now)
if write.absent and live then return 0 end
if write.revision and not (live and revision == write.revision) then return 0 end

if revision then forget(write.place) end
local new = redis.call('INCR', P .. 'revision')  -- one counter for all, so that none is ever given twice
local doc = P .. 'doc:' .. write.place
redis.call('HSET', doc, 'revision', new, 'doc', write.doc, 'key', write.key, 'shelf', write.shelf)
redis.call('ZADD', P .. write.shelf, 0, write.key)
redis.call('SADD', P .. 'collections', write.collection)
if write.owned then
  redis.call('HSET', doc, 'owned', write.owned)
  redis.call('ZADD', P .. write.owned, 0, write.key)
end
if write.expires then
  redis.call('HSET', doc, 'expires', write.expires)
  redis.call('ZADD', P .. 'expiring', write.expires, write.place)
end
return new
