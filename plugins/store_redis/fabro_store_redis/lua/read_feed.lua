-- A page of the feed. An entry counts while its run is the one that it was written for: not deleted, not made again.
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local page = new_page(limit, tonumber(ARGV[3]))
local newest = tonumber(redis.call('GET', P .. 'position') or 0)
if not after then return array(4) .. int(newest) .. bool(false) .. bool(false) .. array(0) end

local function position_of(entry) return tonumber(string.match(entry[1], '^%d+')) end

-- Positions have no gaps before the feed is cut off at its start.
local oldest = redis.call('XRANGE', P .. 'feed', '-', '+', 'COUNT', 1)[1]
local gap = oldest and position_of(oldest) > after + 1 or false

local entries = redis.call('XRANGE', P .. 'feed', string.format('%d', after + 1), '+', 'COUNT', limit + 1)
local born = {}
local position = newest
page.has_more = #entries > limit
for n = 1, math.min(#entries, limit) do
  local at, run, seq = position_of(entries[n]), entries[n][2][2], entries[n][2][4]
  if born[run] == nil then born[run] = tonumber(redis.call('HGET', P .. 'run:' .. run, 'born') or newest) end
  if at > born[run] then
    local record = redis.call('XRANGE', P .. 'log:' .. run, seq, seq)[1][2][2]
    if not add(page, record, array(3) .. int(at) .. text(run)) then break end
  end
  position = at
end
if not page.has_more then position = newest end
return array(4) .. int(position) .. bool(page.has_more) .. bool(gap) .. records(page)
