-- Events of one run by sequence number; one more than the page has, when there is one.
local id, command, from, to, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local entries = redis.call(command, P .. 'log:' .. id, from, to, 'COUNT', most)
local records = {array(#entries)}
for _, entry in ipairs(entries) do records[#records + 1] = entry[2][2] end
return table.concat(records)
