-- The first ids of each bucket that lie between two bounds.
local asked = cmsgpack.unpack(ARGV[1])
local found = {}
for _, set in ipairs(asked.sets) do
  for _, id in ipairs(redis.call('ZRANGE', P .. set, asked.first, asked.last, 'BYLEX', 'LIMIT', 0, asked.limit)) do
    found[#found + 1] = id
  end
end
return found
