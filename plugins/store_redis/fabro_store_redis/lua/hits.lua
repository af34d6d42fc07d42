-- What a reader gets of runs.
local QUEUE = P .. 'ids:1:all'  -- Bucket.RUNNABLE; the rank in it is the place in the queue

local function hit(id)
  local rank = redis.call('ZRANK', QUEUE, id)
  return redis.call('HGET', P .. 'run:' .. id, 'hit')
    .. int(tonumber(redis.call('HGET', P .. 'children', id) or 0))
    .. (rank and int(rank + 1) or NIL)
end

local function page(total, ids)
  local parts = {array(2), int(total), array(#ids)}
  for _, id in ipairs(ids) do
    parts[#parts + 1] = array(3)
    parts[#parts + 1] = hit(id)
  end
  return table.concat(parts)
end
