-- Files a run of layout 1 by its facets. Returns 0 when the run is no longer what it was found to be.
local id, found, index, title = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local run = P .. 'run:' .. id
if redis.call('HGET', run, 'index') ~= found then return 0 end

local before = cmsgpack.unpack(found)
local function leave(list)
  local place = before.bucket .. ':' .. list
  redis.call('ZREM', P .. 'ids:' .. place, id)
  for sort, key in pairs(before.keys) do
    redis.call('ZREM', P .. 'order:' .. sort .. ':desc:' .. place, key .. id)
    redis.call('ZREM', P .. 'order:' .. sort .. ':asc:' .. place, turned(key) .. id)
  end
end
if before.parent then leave('parent:' .. before.parent) end
if before.automation then leave('automation:' .. before.automation) end

each_place_of_facets(id, cmsgpack.unpack(index), nil, function(set, member) redis.call('ZADD', set, 0, member) end)
redis.call('HSET', run, 'index', index, 'title', title)
return 1
