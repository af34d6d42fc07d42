-- A page of several sorted sets one after the other, each read from its end.
local asked = cmsgpack.unpack(ARGV[1])
local total, ids = 0, {}
for _, name in ipairs(asked.sets) do
  local set = P .. name
  local size = redis.call('ZCARD', set)
  local start = math.max(0, asked.offset - total)
  local missing = asked.limit - #ids
  if start < size and missing > 0 then
    for _, id in ipairs(redis.call('ZRANGE', set, start, start + missing - 1, 'REV')) do ids[#ids + 1] = id end
  end
  total = total + size
end
return page(total, ids)
