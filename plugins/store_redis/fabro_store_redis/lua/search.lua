-- A page of the runs on one list that meet further conditions; each is looked at. Nothing, when that were too many.
local asked = cmsgpack.unpack(ARGV[1])

local function sum(visit)
  local total = 0
  for _, bucket in ipairs(asked.buckets) do total = total + visit(bucket) end
  return total
end

local function by_creation(bucket) return P .. 'order:created_at:desc:' .. bucket .. ':' end

-- The runs of the rarest facet are looked at; without facets all runs are.
local list, fewest = 'all', nil
for _, facet in ipairs(asked.facets) do
  local size = sum(function(bucket) return redis.call('ZCARD', by_creation(bucket) .. '=' .. facet) end)
  if not fewest or size < fewest then list, fewest = '=' .. facet, size end
end

if asked.max_rows then
  local rows = sum(function(bucket)
    return redis.call('ZLEXCOUNT', by_creation(bucket) .. list, asked.first, asked.last)
  end)
  if rows > asked.max_rows then return NIL end
end

local function has_facets(bucket, id)
  for _, facet in ipairs(asked.facets) do
    if '=' .. facet ~= list and not redis.call('ZSCORE', P .. 'ids:' .. bucket .. ':=' .. facet, id) then return false end
  end
  return true
end

local function has_words(id)
  if not asked.words[1] then return true end
  local title = redis.call('HGET', P .. 'run:' .. id, 'title')
  for _, word in ipairs(asked.words) do
    if not string.find(title, word, 1, true) then return false end
  end
  return true
end

-- What the order is read from: the key, then the id, and who comes last in bytes comes first.
local function place_of(bucket, id)
  local key
  if asked.sort == 'status' then
    key = struct.pack('>I4', bucket)
  else
    local keys = cmsgpack.unpack(redis.call('HGET', P .. 'run:' .. id, 'index')).keys
    key = keys[asked.sort]
    -- A run that has not ended has the complement of its start, which the shift makes a duration.
    if asked.sort == 'elapsed' and not key then key = shifted(keys.begun, asked.shift) end
  end
  return (asked.ascending and turned(key) or key) .. id
end

local found = {}
for _, bucket in ipairs(asked.buckets) do
  for _, member in ipairs(redis.call('ZRANGE', by_creation(bucket) .. list, asked.first, asked.last, 'BYLEX')) do
    local id = id_of(member)
    if has_facets(bucket, id) and has_words(id) then
      found[#found + 1] = asked.sort == 'created_at' and not asked.ascending and member or place_of(bucket, id)
    end
  end
end
local total = #found
if asked.offset >= total or asked.limit < 1 then return page(total, {}) end
table.sort(found, greater)
local ids = {}
for at = asked.offset + 1, math.min(total, asked.offset + asked.limit) do ids[#ids + 1] = id_of(found[at]) end
return page(total, ids)
