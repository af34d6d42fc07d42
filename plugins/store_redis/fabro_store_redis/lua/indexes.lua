-- The sorted sets that a run is in: all scores are 0, so members are in the order of their bytes.

-- Calls visit(set, member) for the places of a run on the list of all runs that it has not at `other` too.
local function each_place_of_all(id, at, other, visit)
  local stays = other and at.bucket == other.bucket
  local place = at.bucket .. ':all'
  if not stays then visit(P .. 'ids:' .. place, id) end
  for sort, key in pairs(at.keys) do
    if not (stays and other.keys[sort] == key) then
      -- Every set is read from its end: turning the key round, and not the id, leaves ties by descending id.
      visit(P .. 'order:' .. sort .. ':desc:' .. place, key .. id)
      visit(P .. 'order:' .. sort .. ':asc:' .. place, turned(key) .. id)
    end
  end
end

-- The same of the lists of its facets, which have one order each: that of creation.
local function each_place_of_facets(id, at, other, visit)
  local key = at.keys.created_at
  local kept = {}
  if other and at.bucket == other.bucket and key == other.keys.created_at then
    for _, facet in ipairs(other.facets) do kept[facet] = true end
  end
  for _, facet in ipairs(at.facets) do
    if not kept[facet] then
      local place = at.bucket .. ':=' .. facet
      visit(P .. 'ids:' .. place, id)
      visit(P .. 'order:created_at:desc:' .. place, key .. id)
      visit(P .. 'order:created_at:asc:' .. place, turned(key) .. id)
    end
  end
end

-- Calls visit(set, member) for every place of the run `at` that it has not at `other` too.
local function each_place(id, at, other, visit)
  each_place_of_all(id, at, other, visit)
  each_place_of_facets(id, at, other, visit)
  if not (other and other.workflow == at.workflow) then visit(P .. 'workflows', at.workflow .. id) end
end

-- Moves a run from where it was to where it is; nil: it did not, or does not, exist.
local function refile(id, before, after)
  if before then
    each_place(id, before, after, function(set, member) redis.call('ZREM', set, member) end)
  end
  if after then
    each_place(id, after, before, function(set, member) redis.call('ZADD', set, 0, member) end)
  end
  local left, joined = before and before.parent, after and after.parent
  if left ~= joined then
    if left and redis.call('HINCRBY', P .. 'children', left, -1) == 0 then
      redis.call('HDEL', P .. 'children', left)
    end
    if joined then redis.call('HINCRBY', P .. 'children', joined, 1) end
  end
end
