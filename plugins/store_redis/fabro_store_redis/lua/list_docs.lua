-- Documents of a collection, or of an owner in it, in the order of their keys.
local asked = cmsgpack.unpack(ARGV[1])
local start, found = asked.start, {}
local keys
repeat
  keys = redis.call('ZRANGE', P .. asked.set, start, '+', 'BYLEX', 'LIMIT', 0, asked.limit + 1)
  for _, key in ipairs(keys) do
    local revision, doc, expires = unpack(redis.call('HMGET', P .. 'doc:' .. asked.shelf .. key,
      'revision', 'doc', 'expires'))
    if not (expires and tonumber(expires) <= asked.now) then
      found[#found + 1] = array(2) .. int(tonumber(revision)) .. doc
    end
    if #found > asked.limit then break end
    start = '(' .. key
  end
until #found > asked.limit or #keys <= asked.limit
local has_more = #found > asked.limit
if has_more then found[#found] = nil end
return array(2) .. bool(has_more) .. array(#found) .. table.concat(found)
