-- Returns the run with its state; nothing when there is no such run.
local state = redis.call('HGET', P .. 'run:' .. ARGV[1], 'state')
if not state then return NIL end
local parts = {}
add_hits(parts, array(4), {ARGV[1]})
parts[#parts + 1] = struct.pack('>BI4', 0xc6, #state)
parts[#parts + 1] = state
return table.concat(parts)
