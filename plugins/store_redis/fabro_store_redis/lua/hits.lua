-- What a reader gets of runs.
local QUEUE = P .. 'ids:1:all'  -- Bucket.RUNNABLE; the rank in it is the place in the queue

-- Adds a run to `parts`, which are joined once: bodies are long, and every join copies them.
local function add_hit(parts, id)
  local rank = redis.call('ZRANK', QUEUE, id)
  local children = redis.call('HGET', P .. 'children', id)
  parts[#parts + 1] = redis.call('HGET', P .. 'run:' .. id, 'hit')
  parts[#parts + 1] = int(tonumber(children or 0)) .. (rank and int(rank + 1) or NIL)
end

local function page(total, ids)
  local parts = {array(2) .. int(total) .. array(#ids)}
  local head = array(3)
  for _, id in ipairs(ids) do
    parts[#parts + 1] = head
    add_hit(parts, id)
  end
  return table.concat(parts)
end
