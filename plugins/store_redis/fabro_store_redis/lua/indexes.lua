-- The sorted sets that a run is in: all scores are 0, so members are in the order of their bytes.

-- Lists that a run can be on the page of: all runs, those of its parent, those of its automation.
local function scopes(at)
  local found = {'all'}
  if at.parent then found[#found + 1] = 'parent:' .. at.parent end
  if at.automation then found[#found + 1] = 'automation:' .. at.automation end
  return found
end

local function same_lists(a, b)
  return a and b and a.bucket == b.bucket and a.parent == b.parent and a.automation == b.automation
end

-- Calls visit(set, member) for every place of the run `at` that it has not at `other` too.
local function each_place(id, at, other, visit)
  local stays = same_lists(at, other)
  local lists = scopes(at)
  if not stays then
    for _, scope in ipairs(lists) do visit(P .. 'ids:' .. at.bucket .. ':' .. scope, id) end
  end
  for sort, key in pairs(at.keys) do
    if not (stays and other.keys[sort] == key) then
      -- Every set is read from its end: turning the key round, and not the id, leaves ties by descending id.
      local opposite = turned(key)
      for _, scope in ipairs(lists) do
        local place = at.bucket .. ':' .. scope
        visit(P .. 'order:' .. sort .. ':desc:' .. place, key .. id)
        visit(P .. 'order:' .. sort .. ':asc:' .. place, opposite .. id)
      end
    end
  end
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
