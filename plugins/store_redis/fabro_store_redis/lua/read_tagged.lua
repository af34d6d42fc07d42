-- Events of one run that have a tag; one more than the page has, when there is one.
local asked = cmsgpack.unpack(ARGV[1])
local range = {'ZRANGE', P .. 'tags:' .. asked.id, asked.start, asked.stop, 'BYLEX'}
if asked.reverse then range[#range + 1] = 'REV' end
for _, word in ipairs({'LIMIT', 0, asked.most}) do range[#range + 1] = word end
local members = redis.call(unpack(range))
local records = {array(#members)}
for _, member in ipairs(members) do
  local high, low = struct.unpack('>I4I4', string.sub(member, -8))
  local seq = string.format('%d', high * 2 ^ 32 + low)
  records[#records + 1] = redis.call('XRANGE', P .. 'log:' .. asked.id, seq, seq)[1][2][2]
end
return table.concat(records)
