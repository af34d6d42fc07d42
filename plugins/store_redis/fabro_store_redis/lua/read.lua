-- Events of one run by sequence number.
local id, command, from, to = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local page = new_page(tonumber(ARGV[5]), tonumber(ARGV[6]))
local onwards = command == 'XRANGE' and 1 or -1
local at_once = page.max_bytes and math.min(AT_ONCE, page.limit + 1) or page.limit + 1
repeat
  local entries = redis.call(command, P .. 'log:' .. id, from, to, 'COUNT', at_once)
  for _, entry in ipairs(entries) do
    if not add(page, entry[2][2]) then break end
    from = string.format('%d', string.match(entry[1], '^%d+') + onwards)
  end
until page.has_more or #entries < at_once
return array(2) .. bool(page.has_more) .. records(page)
