-- What a reader gets of runs.
local QUEUE = P .. 'ids:1:all'  -- Bucket.RUNNABLE; the rank in it is the place in the queue

local SLICE = 1000  -- arguments that one command gets; Lua's stack has room for some thousands

-- How many children each run has, in the order of `ids`.
local function children_of(ids)
  local counts = {}
  for from = 1, #ids, SLICE do
    local slice = {unpack(ids, from, math.min(#ids, from + SLICE - 1))}
    for _, count in ipairs(redis.call('HMGET', P .. 'children', unpack(slice))) do
      counts[#counts + 1] = tonumber(count or 0)
    end
  end
  return counts
end

-- Adds each run to `parts`, which are joined once: bodies are long, and every join copies them.
local function add_hits(parts, head, ids)
  local counts = children_of(ids)
  for n, id in ipairs(ids) do
    local rank = redis.call('ZRANK', QUEUE, id)
    parts[#parts + 1] = head
    parts[#parts + 1] = redis.call('HGET', P .. 'run:' .. id, 'hit')
    parts[#parts + 1] = int(counts[n]) .. (rank and int(rank + 1) or NIL)
  end
end

local function page(total, ids)
  local parts = {array(2) .. int(total) .. array(#ids)}
  add_hits(parts, array(3), ids)
  return table.concat(parts)
end
