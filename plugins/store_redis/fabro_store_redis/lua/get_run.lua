-- Returns the run with its state; nothing when there is no such run.
local state = redis.call('HGET', P .. 'run:' .. ARGV[1], 'state')
if not state then return NIL end
return array(4) .. hit(ARGV[1]) .. struct.pack('>BI4', 0xc6, #state) .. state
