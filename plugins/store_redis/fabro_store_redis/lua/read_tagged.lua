-- Events of one run that have a tag.
local asked = cmsgpack.unpack(ARGV[1])
local range = {'ZRANGE', P .. 'tags:' .. asked.id, asked.start, asked.stop, 'BYLEX'}
if asked.reverse then range[#range + 1] = 'REV' end
for _, word in ipairs({'LIMIT', 0, asked.limit + 1}) do range[#range + 1] = word end
local page = new_page(asked.limit, asked.max_bytes)
for _, member in ipairs(redis.call(unpack(range))) do
  local high, low = struct.unpack('>I4I4', string.sub(member, -8))
  local seq = string.format('%d', high * 2 ^ 32 + low)
  if not add(page, redis.call('XRANGE', P .. 'log:' .. asked.id, seq, seq)[1][2][2]) then break end
end
return array(2) .. bool(page.has_more) .. records(page)
