-- Members of sorted sets: a key, then the 26 characters of a run's id.
local ID_LENGTH = 26
local WORD = 2 ^ 32
local SIGN = 2 ^ 31

local function complement(byte) return string.char(255 - string.byte(byte)) end

-- The key whose order is the opposite. No table of all bytes: every run of a script would have to make it anew.
local function turned(key) return (string.gsub(key, '.', complement)) end

local function id_of(member) return string.sub(member, -ID_LENGTH) end

-- Whether `a` comes after `b` in the order of bytes. Lua's own comparison follows the server's locale.
local function greater(a, b)
  for at = 1, math.min(#a, #b), 4 do
    local a1, a2, a3, a4 = string.byte(a, at, at + 3)
    local b1, b2, b3, b4 = string.byte(b, at, at + 3)
    if a1 ~= b1 then return a1 > b1 end
    if a2 ~= b2 then return (a2 or -1) > (b2 or -1) end
    if a3 ~= b3 then return (a3 or -1) > (b3 or -1) end
    if a4 ~= b4 then return (a4 or -1) > (b4 or -1) end
  end
  return #a > #b
end

-- Adds to the number that a member starts with; what does not fit is the nearest that does.
local function shifted(member, by)
  if by == 0 then return member end
  local high, low = struct.unpack('>I4I4', member)
  local sum = (high - SIGN) * WORD + low + by
  local rest = string.sub(member, 9)
  if sum >= SIGN * WORD then return string.rep('\255', 8) .. rest end
  if sum < -SIGN * WORD then return string.rep('\0', 8) .. rest end
  return struct.pack('>I4I4', math.floor(sum / WORD) + SIGN, sum % WORD) .. rest
end
