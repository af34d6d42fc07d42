-- A page under a filter that no sorted set stands for: looks at every run that an id's beginning, or one of two lists,
-- leaves over, and sorts those.
local asked = cmsgpack.unpack(ARGV[1])

local function token(id, bucket)
  if asked.sort == 'status' then return string.char(asked.descending and bucket or 255 - bucket) .. id end
  local keys = cmsgpack.unpack(redis.call('HGET', P .. 'run:' .. id, 'index')).keys
  local key, shift = keys[asked.sort], 0
  if asked.sort == 'elapsed' and not key then key, shift = keys.begun, asked.shift end
  if not asked.descending then key = turned(key) end
  return shifted(key .. id, shift)
end

local found = {}
for n, bucket in ipairs(asked.buckets) do
  local also = asked.also and P .. asked.also[n]
  for _, id in ipairs(redis.call('ZRANGE', P .. asked.sets[n], asked.first, asked.last, 'BYLEX')) do
    if not also or redis.call('ZSCORE', also, id) then found[#found + 1] = token(id, bucket) end
  end
end
table.sort(found, greater)

local ids = {}
for at = asked.offset + 1, math.min(#found, asked.offset + asked.limit) do ids[#ids + 1] = id_of(found[at]) end
return page(#found, ids)
