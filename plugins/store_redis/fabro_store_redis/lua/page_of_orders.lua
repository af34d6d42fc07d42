-- A page of what several sorted sets hold together, each read from its end; the total is the sum of their sizes.
--
-- A set whose `shift` is not 0 holds keys that move with the clock: the shift makes them comparable to the others'.
local CHUNK = 8  -- members that are read of a set at once

local asked = cmsgpack.unpack(ARGV[1])
local sources, total = {}, 0
for _, each in ipairs(asked.sources) do
  local set = P .. each[1]
  local size = redis.call('ZCARD', set)
  if size > 0 then
    sources[#sources + 1] = {set = set, shift = each[2], size = size}
    total = total + size
  end
end

-- Sets the `start` of each source so that `offset` members come before them all. Halves the widest range of candidates
-- until none is left, so a deep page costs logarithms.
local function skip(offset)
  for _, source in ipairs(sources) do
    source.start = math.max(0, offset - (total - source.size))
    source.stop = math.min(source.size, offset)
  end
  while true do
    local widest = sources[1]
    for _, source in ipairs(sources) do
      if source.stop - source.start > widest.stop - widest.start then widest = source end
    end
    if widest.start == widest.stop then return end
    local middle = math.floor((widest.start + widest.stop) / 2)
    local pivot = shifted(redis.call('ZRANGE', widest.set, middle, middle, 'REV')[1], widest.shift)
    local before = 0
    for _, source in ipairs(sources) do
      source.before = source == widest and middle
        or redis.call('ZLEXCOUNT', source.set, '(' .. shifted(pivot, -source.shift), '+')
      before = before + source.before
    end
    local skipped = before < offset  -- whether the pivot itself is
    for _, source in ipairs(sources) do
      if skipped then
        source.start = math.max(source.start, source == widest and middle + 1 or source.before)
      else
        source.stop = math.min(source.stop, source.before)
      end
    end
  end
end

-- The next member of a source, shifted; nil at its end.
local function head(source)
  if not source.chunk or source.at > #source.chunk then
    local last = source.start + math.min(CHUNK, asked.limit) - 1
    source.chunk, source.at = redis.call('ZRANGE', source.set, source.start, last, 'REV'), 1
    source.start = last + 1
  end
  local member = source.chunk[source.at]
  return member and shifted(member, source.shift)
end

-- Moves the source at `place` behind those whose heads come before its own.
local function sink(place)
  local source = sources[place]
  while sources[place + 1] and greater(sources[place + 1].head, source.head) do
    sources[place] = sources[place + 1]
    place = place + 1
  end
  sources[place] = source
end

local function chosen()
  for place = #sources, 1, -1 do
    sources[place].head = head(sources[place])
    if sources[place].head then sink(place) else table.remove(sources, place) end
  end
  local ids = {}
  while #ids < asked.limit and sources[1] do
    local first = sources[1]
    ids[#ids + 1] = id_of(first.head)
    first.at = first.at + 1
    first.head = head(first)
    if first.head then sink(1) else table.remove(sources, 1) end
  end
  return ids
end

if asked.offset >= total or asked.limit < 1 then return page(total, {}) end
skip(asked.offset)
return page(total, chosen())
