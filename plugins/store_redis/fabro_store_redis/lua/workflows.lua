-- The distinct workflows, each with its newest run: from each one straight to the one before it.
local ID_LENGTH = 26
local found = {}
local member = redis.call('ZRANGE', P .. 'workflows', 0, 0, 'REV')[1]
while member do
  found[#found + 1] = array(2)
    .. text(string.sub(member, 1, -ID_LENGTH - 2))
    .. text(string.sub(member, -ID_LENGTH))
  local workflow = string.sub(member, 1, -ID_LENGTH - 1)
  member = redis.call('ZRANGE', P .. 'workflows', '(' .. workflow, '-', 'BYLEX', 'REV', 'LIMIT', 0, 1)[1]
end
return array(#found) .. table.concat(found)
