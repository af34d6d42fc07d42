-- A page of the feed. An entry counts while its run is the one that it was written for: not deleted, not made again.
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local newest = tonumber(redis.call('GET', P .. 'position') or 0)
if not after then return array(4) .. int(newest) .. bool(false) .. bool(false) .. array(0) end

local function position_of(entry) return tonumber(string.match(entry[1], '^%d+')) end

-- Positions have no gaps before the feed is cut off at its start.
local oldest = redis.call('XRANGE', P .. 'feed', '-', '+', 'COUNT', 1)[1]
local gap = oldest and position_of(oldest) > after + 1 or false

local entries = redis.call('XRANGE', P .. 'feed', string.format('%d', after + 1), '+', 'COUNT', limit + 1)
local has_more = #entries > limit
local events, born = {}, {}
local position = newest
for n = 1, math.min(#entries, limit) do
  position = position_of(entries[n])
  local run, seq = entries[n][2][2], entries[n][2][4]
  if born[run] == nil then born[run] = tonumber(redis.call('HGET', P .. 'run:' .. run, 'born') or newest) end
  if position > born[run] then
    events[#events + 1] = array(3) .. int(position) .. text(run)
      .. redis.call('XRANGE', P .. 'log:' .. run, seq, seq)[1][2][2]
  end
end
if not has_more then position = newest end
return array(4) .. int(position) .. bool(has_more) .. bool(gap) .. array(#events) .. table.concat(events)
