-- Removes a document from everywhere. Each knows which sorted sets list it.

local function forget(place)
  local doc = P .. 'doc:' .. place
  local key, shelf, owned = unpack(redis.call('HMGET', doc, 'key', 'shelf', 'owned'))
  redis.call('ZREM', P .. shelf, key)
  if owned then redis.call('ZREM', P .. owned, key) end
  redis.call('ZREM', P .. 'expiring', place)
  redis.call('DEL', doc)
end

-- The revision of a document and whether it is there at `now`; the revision is nil when nothing is stored.
local function current(place, now)
  local revision, expires = unpack(redis.call('HMGET', P .. 'doc:' .. place, 'revision', 'expires'))
  if not revision then return nil, false end
  return revision, not (expires and tonumber(expires) <= now)
end
