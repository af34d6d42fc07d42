-- Returns the newest sequence number before this batch; when it is not the expected one, nothing is written.
local FEED_EVENTS = 100000  -- about so many of the newest events stay in the feed

local batch = cmsgpack.unpack(ARGV[1])
local run = P .. 'run:' .. batch.id
local seq, index = unpack(redis.call('HMGET', run, 'seq', 'index'))
local newest = tonumber(seq or 0)
if newest ~= batch.expected then return newest end

local count = #batch.events
local position = redis.call('INCRBY', P .. 'position', count) - count
if newest == 0 then redis.call('HSET', run, 'born', position) end
redis.call('HSET', run, 'seq', newest + count, 'index', batch.index, 'hit', batch.hit, 'state', batch.state,
  'title', batch.title)
if index ~= batch.index then refile(batch.id, index and cmsgpack.unpack(index), cmsgpack.unpack(batch.index)) end

for n, event in ipairs(batch.events) do
  local record, tags = event[1], event[2]
  local number = string.format('%d', newest + n)
  redis.call('XADD', P .. 'log:' .. batch.id, number .. '-0', 'e', record)
  for _, tag in ipairs(tags) do redis.call('ZADD', P .. 'tags:' .. batch.id, 0, tag) end
  redis.call('XADD', P .. 'feed', 'MAXLEN', '~', FEED_EVENTS, string.format('%d-0', position + n),
    'run', batch.id, 'seq', number)
end
put_blobs(2)
redis.call('PUBLISH', P .. 'appends', batch.hint)
return newest
